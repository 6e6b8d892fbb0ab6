"""Compiles proto/kindred/v1 when first imported, so that no generated code is kept here."""

import importlib
import pathlib
import sys
import tempfile

import grpc_tools
from grpc_tools import protoc

PROTO_ROOT = pathlib.Path(__file__).resolve().parents[2] / "proto"
PROTO_FILES = ("kindred/v1/types.proto", "kindred/v1/recommendation_service.proto")


def _load():
    well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    with tempfile.TemporaryDirectory(prefix="kindred-stubs-") as out:
        arguments = [
            "protoc",
            f"--proto_path={PROTO_ROOT}",
            f"--proto_path={well_known}",
            f"--python_out={out}",
            f"--grpc_python_out={out}",
            *PROTO_FILES,
        ]
        if protoc.main(arguments) != 0:
            raise SystemExit(f"protoc could not compile the files below {PROTO_ROOT}")
        sys.path.insert(0, out)
        try:
            return tuple(
                importlib.import_module(f"kindred.v1.{name}")
                for name in (
                    "types_pb2",
                    "recommendation_service_pb2",
                    "recommendation_service_pb2_grpc",
                )
            )
        finally:
            sys.path.remove(out)


types, messages, services = _load()
