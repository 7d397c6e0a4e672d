"""Customers' fees to the models that were used: by all customers' use together, or by each customer's own. Pure.

What customers pay is divided by whole micros, by largest remainder, ties by ascending model, mirrored below zero: a
fee and its refund of one cycle are one net sum, and cancel out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from revshare.apportion import apportion_signed
from revshare.policies.rules import Rulebook
from revshare.sales.queries import Sum


def by_usage(*, sums: Iterable[Sum], used: Mapping[str, int], rulebook: Rulebook) -> list[Sum]:
    """The sums, those of streams that are divided by use now with the models that were used. `used`: units by model.

    Where nothing was used, a sum keeps the target it names, if it names any. Fees already divided customer by customer
    name a model and no dataset version, and go through unchanged if `used` is empty for them.
    """
    routed: list[Sum] = []
    models = sorted(used)
    for item in sums:
        terms = rulebook.terms_for(item.stream)
        if terms is None or not terms.is_routed or not models:
            routed.append(item)
            continue
        nets, deductions = (
            apportion_signed(total=amount, weights=[used[model] for model in models])
            for amount in (item.net_micros, item.deducted_micros)
        )
        routed += [
            replace(
                item, model=model, dataset_version="", net_micros=net, deducted_micros=deducted,
                count=0 if number else item.count,
            )
            for number, (model, net, deducted) in enumerate(zip(models, nets, deductions, strict=True))
        ]  # fmt: skip
    return routed
