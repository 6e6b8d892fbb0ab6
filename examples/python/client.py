"""Asks a Kindred server which products belong with the ones given.

    python client.py --addr 127.0.0.1:50051 toy-car --type cross_sell --type consumable --max 5
"""

import argparse
import json
import sys

import grpc
from google.protobuf.json_format import MessageToDict

from stubs import messages, services, types

# A page that waits longer than this is better off without recommendations.
DEADLINE_S = 1.0

VIEWS = {
    "default": types.RECOMMENDATION_VIEW_UNSPECIFIED,
    "id": types.RECOMMENDATION_VIEW_ID,
    "basic": types.RECOMMENDATION_VIEW_BASIC,
    "full": types.RECOMMENDATION_VIEW_FULL,
}


class UnknownRelationType(Exception):
    """Neither the API nor the catalog knows a type by this code."""


def connect(addr):
    """One channel serves every call of a process: it keeps its connection open."""
    channel = grpc.insecure_channel(addr)
    return channel, services.RecommendationServiceStub(channel)


def relation_types(stub, codes):
    """Turns `cross_sell` or `100` into numbers; codes of the catalog's own are asked for."""
    standard = types.RelationType.DESCRIPTOR.values_by_name
    numbers, catalog = [], None
    for code in codes:
        name = f"RELATION_TYPE_{code.upper()}"
        if code.isdigit():
            numbers.append(int(code))
        elif name in standard:
            numbers.append(standard[name].number)
        else:
            catalog = catalog or catalog_types(stub)
            if code not in catalog:
                raise UnknownRelationType(
                    f"no relation type {code!r}; the catalog has {', '.join(sorted(catalog))}"
                )
            numbers.append(catalog[code])
    return numbers


def catalog_types(stub):
    """Every relation type of the catalog: its number by its code."""
    answer = stub.DescribeCatalog(messages.DescribeCatalogRequest(), timeout=DEADLINE_S)
    return {info.code: info.relation_type for info in answer.relation_types}


def request(seeds, numbers, max_results, view="default"):
    """A request for the best relations of the seeds, of all these types together."""
    return messages.GetRecommendationsRequest(
        lookup=messages.LookupSpec(relation_types=numbers, max_results=max_results),
        seeds=[types.Seed(product_id=seed) for seed in seeds],
        view=VIEWS[view],
    )


def as_json(answer):
    """The answer as proto JSON: camelCase names, fields at their default left out."""
    return MessageToDict(answer, preserving_proto_field_name=False)


def price(attributes):
    """An amount for people; the demo's currencies all have two digits."""
    if not attributes.currency_code:
        return ""
    return f"{attributes.price_minor_units / 100:.2f} {attributes.currency_code}"


def print_list(answer, codes):
    """One line a product, best first, with the type as it was asked for."""
    for rank, found in enumerate(answer.recommendations, start=1):
        quantity = f"{found.quantity:g} x" if found.quantity else ""
        print(
            f"{rank:2}. {found.product_id:32} {codes[found.relation_type]:16}"
            f" {found.score:5.3f} {quantity:>5} {price(found.attributes):>12}"
            f"  {found.attributes.title}"
        )
    if not answer.recommendations and not answer.missing_product_ids:
        print("nothing belongs with it")
    print(f"snapshot {answer.data_version.snapshot_id}")


def arguments():
    parser = argparse.ArgumentParser(description="Products that belong with the ones given.")
    parser.add_argument("products", nargs="+", metavar="PRODUCT", help="product id or alias")
    parser.add_argument("--addr", default="127.0.0.1:50051", help="default: %(default)s")
    parser.add_argument(
        "--type",
        action="append",
        dest="types",
        metavar="TYPE",
        help="cross_sell, consumable, a code of the catalog's own or a number; may be repeated"
        " (default: cross_sell)",
    )
    parser.add_argument("--max", type=int, default=10, help="default: %(default)s")
    parser.add_argument(
        "--view", choices=VIEWS, help="default: the server's for --json, full for the list"
    )
    parser.add_argument("--json", action="store_true", help="print the answer as proto JSON")
    return parser.parse_args()


def main():
    """Exit code 0 for an answer, 1 for unknown products, 2 for a call that failed."""
    given = arguments()
    view = given.view or ("default" if given.json else "full")
    channel, stub = connect(given.addr)
    with channel:
        try:
            codes = given.types or ["cross_sell"]
            numbers = relation_types(stub, codes)
            answer = stub.GetRecommendations(
                request(given.products, numbers, given.max, view), timeout=DEADLINE_S
            )
        except UnknownRelationType as error:
            print(error, file=sys.stderr)
            return 2
        except grpc.RpcError as error:
            print(f"{given.addr}: {error.code().name}: {error.details()}", file=sys.stderr)
            return 2
    if given.json:
        print(json.dumps(as_json(answer), indent=2, ensure_ascii=False))
    else:
        print_list(answer, dict(zip(numbers, codes, strict=True)))
    for product in answer.missing_product_ids:
        print(f"no product {product!r} in this snapshot", file=sys.stderr)
    return 1 if answer.missing_product_ids else 0


if __name__ == "__main__":
    sys.exit(main())
