"""Compares a server's answers with those of `kindred lookup`, for every product of a table.

    python compare.py --addr 127.0.0.1:50051 --store DIR --kindred ../../target/release/kindred \\
        ../../src/cli/demo/products.csv

Both read the same store, so every field must be equal. Exit code 1 and a diff if not.
"""

import argparse
import csv
import difflib
import json
import struct
import subprocess
import sys

import grpc

import client

# Products named on one command line: far below the limit of any system.
SEEDS_PER_RUN = 200
# Diffs shown in full; further ones are only counted.
DIFFS_SHOWN_MAX = 10


class LookupFailed(Exception):
    """`kindred lookup` stopped with an error or printed something else than one line a seed."""


def product_ids(path):
    """The ids of a products table, in its order."""
    with open(path, encoding="utf-8-sig", newline="") as table:
        return [row["id"] for row in csv.DictReader(table)]


def looked_up(kindred, store, ids, types, max_results):
    """What `kindred lookup` answers to each id on its own, in the order of the ids."""
    command = [kindred, "lookup", "--store", store, "--each", "--json", "--max", str(max_results)]
    for code in types:
        command += ["--type", code]
    answers = []
    for start in range(0, len(ids), SEEDS_PER_RUN):
        part = ids[start : start + SEEDS_PER_RUN]
        seeds = [word for seed in part for word in ("--seed", seed)]
        run = subprocess.run(command + seeds, capture_output=True, text=True, check=False)
        lines = run.stdout.splitlines()
        if run.returncode != 0 or len(lines) != len(part):
            raise LookupFailed(
                f"{' '.join(command)} ...: exit code {run.returncode}, {len(lines)} lines for"
                f" {len(part)} seeds\n{run.stderr}"
            )
        answers += [json.loads(line) for line in lines]
    return answers


def served(stub, ids, types, max_results):
    """What the server answers to each id on its own."""
    numbers = client.relation_types(stub, types)
    for seed in ids:
        request = client.request([seed], numbers, max_results)
        yield client.as_json(stub.GetRecommendations(request, timeout=client.DEADLINE_S))


def with_single_scores(answer):
    """Scores are 32 bits wide; two printers may write one value with different digits."""
    for found in answer.get("recommendations", []):
        if "score" in found:
            (found["score"],) = struct.unpack("<f", struct.pack("<f", found["score"]))
    return answer


def lines(answer):
    """The answer as text in which every field has a line of its own."""
    return json.dumps(answer, indent=2, sort_keys=True, ensure_ascii=False).splitlines()


def arguments():
    parser = argparse.ArgumentParser(description="Compares a server with `kindred lookup`.")
    parser.add_argument("products", metavar="PRODUCTS.csv", help="table with a column `id`")
    parser.add_argument("--addr", default="127.0.0.1:50051", help="default: %(default)s")
    parser.add_argument("--store", required=True, help="the store the server reads")
    parser.add_argument("--kindred", default="kindred", help="the program; default: %(default)s")
    parser.add_argument("--max", type=int, default=20, help="default: %(default)s")
    parser.add_argument(
        "--type",
        action="append",
        dest="types",
        metavar="TYPE",
        help="ask for this type; may be repeated (default: every type of the catalog)",
    )
    return parser.parse_args()


def compare(stub, given, ids, types):
    """Yields (product, diff) for every answer that differs."""
    offline = looked_up(given.kindred, given.store, ids, types, given.max)
    online = served(stub, ids, types, given.max)
    for product, left, right in zip(ids, offline, online, strict=True):
        left, right = with_single_scores(left), with_single_scores(right)
        if left != right:
            heads = (f"kindred lookup {product}", f"{given.addr} {product}")
            yield product, difflib.unified_diff(lines(left), lines(right), *heads, lineterm="")


def main():
    """Exit code 0 if all answers are equal, 1 if some differ, 2 if the comparison failed."""
    given = arguments()
    differences = 0
    channel, stub = client.connect(given.addr)
    with channel:
        try:
            ids = product_ids(given.products)
            types = given.types or list(client.catalog_types(stub))
            alone = [[code] for code in types]
            for asked in alone + [types] if len(types) > 1 else alone:
                for product, diff in compare(stub, given, ids, asked):
                    differences += 1
                    if differences <= DIFFS_SHOWN_MAX:
                        print(f"{product} differs for {', '.join(asked)}:", *diff, sep="\n")
        except grpc.RpcError as error:
            print(f"{given.addr}: {error.code().name}: {error.details()}", file=sys.stderr)
            return 2
        except (LookupFailed, OSError, client.UnknownRelationType) as error:
            print(error, file=sys.stderr)
            return 2
    print(f"compared {len(ids)} products, {differences} differences")
    return 1 if differences or not ids else 0


if __name__ == "__main__":
    sys.exit(main())
