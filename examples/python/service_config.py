"""Shows what deploy/service-config.json makes a client do, against a server that fails as it is told.

    python service_config.py ../../deploy/service-config.json

Lookups are tried a second time where that helps, when the server says so; nothing else is; and where
everything fails, the second tries stop. Exit code 1 if not.
"""

import argparse
import concurrent.futures
import pathlib
import sys
import threading
import time

import grpc

LOOKUP = "/kindred.v1.RecommendationService/GetRecommendations"
STOCK = "/kindred.v1.AvailabilityService/BatchUpdateAvailability"
STORM = 500


class Failing(grpc.GenericRpcHandler):
    """Fails the first attempt of a call, or all of them, with the code that the call asks for."""

    def __init__(self):
        self.attempts = 0
        self.lock = threading.Lock()

    def service(self, details):
        if details.method not in (LOOKUP, STOCK):
            return None
        asked = dict(details.invocation_metadata)
        with self.lock:
            self.attempts += 1

        def answer(_request, context):
            is_first = "grpc-previous-rpc-attempts" not in asked
            if is_first or "x-always" in asked:
                if "x-pushback" in asked:
                    context.set_trailing_metadata(
                        (("grpc-retry-pushback-ms", asked["x-pushback"]),)
                    )
                context.abort(getattr(grpc.StatusCode, asked["x-code"]), "as it was told")
            return b""

        return grpc.unary_unary_rpc_method_handler(answer)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=pathlib.Path)
    config = parser.parse_args().config.read_text(encoding="utf-8")
    failing = Failing()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8), handlers=(failing,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.service_config", config)])
    wrong = []

    def check(method, metadata, code, attempts, at_least_s=0.0):
        before, begin = failing.attempts, time.monotonic()
        try:
            channel.unary_unary(method)(b"", metadata=metadata, timeout=10)
            found = "OK"
        except grpc.RpcError as error:
            found = error.code().name
        took, made = time.monotonic() - begin, failing.attempts - before
        line = f"{method} {dict(metadata)}: {found} after {made} attempts"
        is_right = (found, made) == (code, attempts) and took >= at_least_s
        print(("ok    " if is_right else "WRONG ") + line)
        if not is_right:
            wrong.append(f"{line} and {took:.3f} s, expected {code} after {attempts}")

    check(LOOKUP, (("x-code", "UNAVAILABLE"),), "OK", 2)
    check(LOOKUP, (("x-code", "RESOURCE_EXHAUSTED"), ("x-pushback", "60")), "OK", 2, 0.06)
    check(
        LOOKUP, (("x-code", "RESOURCE_EXHAUSTED"), ("x-pushback", "-1")), "RESOURCE_EXHAUSTED", 1
    )
    for code in ("INVALID_ARGUMENT", "INTERNAL", "FAILED_PRECONDITION", "PERMISSION_DENIED"):
        check(LOOKUP, (("x-code", code),), code, 1)
    check(STOCK, (("x-code", "UNAVAILABLE"),), "UNAVAILABLE", 1)

    before = failing.attempts
    for _ in range(STORM):
        try:
            channel.unary_unary(LOOKUP)(
                b"", metadata=(("x-code", "UNAVAILABLE"), ("x-always", "1")), timeout=10
            )
        except grpc.RpcError:
            pass
    offered = (failing.attempts - before) / STORM
    print(f"{STORM} calls that always fail: {offered:.2f} attempts a call")
    if not 1.0 < offered <= 1.2:
        wrong.append(f"{offered:.2f} attempts a call, expected at most 1.2")
    server.stop(None)
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
