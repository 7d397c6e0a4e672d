"""What records, their columns and their choices are called, in the reader's language.

Models name themselves in English and know of no other language. The console looks their names up here whenever it shows
one. A name that is not in WORDS is shown in English; a test finds it.
"""

from typing import Any

from django.db import models
from django.utils.functional import Promise, lazy
from django.utils.text import capfirst
from django.utils.translation import gettext, override, pgettext_lazy
from django.utils.translation import gettext_noop as _

from revshare.console.state_words import STATES
from revshare.wording import language

NAMES = (
    # Translators: what a record is, in the singular and in the plural
    _("allocation"), _("allocations"), _("claim"), _("claims"), _("claim step"), _("claim steps"), _("consent"),
    _("consents"), _("contributor"), _("contributors"), _("cycle"), _("cycles"), _("debt"), _("debts"), _("debt step"),
    _("debt steps"),
    # Translators: of the audit trail
    _("event"), _("events"),
    # Translators: somebody's payments are held back
    _("hold"), _("holds"), _("ingested file"), _("ingested files"),
    # Translators: of a ledger in double entry, as are its legs: debits and credits
    _("journal"), _("journals"), _("leg"), _("legs"),
    # Translators: a frozen version of a dataset
    _("manifest"), _("manifests"),
    # Translators: a name that nobody knows stands for a known model
    _("match"), _("matchs"),
    # Translators: a number by which a pool is divided
    _("measure"), _("measures"),
    # Translators: what a model made
    _("output"), _("outputs"),
    # Translators: of a file of attributions
    _("part"), _("parts"), _("part version"), _("part versions"), _("payment"), _("payments"), _("payment batch"),
    _("payment batches"), _("payment result"), _("payment results"), _("payout currency"), _("payout currencies"),
    _("policy"), _("policies"),
    # Translators: money that is to be shared
    _("pool"), _("pools"), _("quarantined row"), _("quarantined rows"),
    # Translators: of exchange
    _("rate"), _("rates"),
    # Translators: what was taken back of a debt
    _("recouped"), _("recoupeds"),
    # Translators: a step of work that a worker does
    _("run"), _("runs"), _("sale"), _("sales"),
    # Translators: a contributor's share is passed on to somebody else
    _("split"), _("splits"), _("statement"), _("statements"), _("suspense decision"), _("suspense decisions"),
    # Translators: that a model was trained on a dataset
    _("training"), _("trainings"), _("upload"), _("uploads"), _("usage"), _("usages"), _("user"), _("users"),
    # Translators: of a contributor in a manifest
    _("weight"), _("weights"),
    # Translators: of time
    _("window"), _("windows"),
)  # fmt: skip
COLUMNS = (
    # Translators: from here on heads of columns; "at" is when, "by" is who, "on" is which day
    _("account"), _("account currency"), _("action"), _("actor"), _("adjusted"), _("after seq"), _("after voids"),
    _("amount"), _("approved at"), _("approved by"), _("approved digest"), _("arrival"), _("asked at"), _("asked by"),
    _("asset id"), _("assets"), _("assets ticks"), _("at"), _("attempts"), _("balance"), _("balances sha256"),
    # Translators: the currency that a rate is of; "quote" is the one it leads to
    _("base"), _("quote"), _("batch"), _("bucket"), _("by"), _("calculated at"), _("calculated by"), _("calculation"),
    _("cancelled at"), _("cancelled by"), _("carried in"), _("carried out"), _("claimant"), _("class totals"),
    _("classes"), _("classes sha256"),
    # Translators: the balance at the end; "opening" is the one at the beginning
    _("closing"), _("opening"), _("commons"), _("content sha256"), _("country"), _("created by"), _("currency"),
    _("customer id"), _("dataset version"), _("date"), _("dated"), _("day"), _("decided at"), _("decided by"),
    _("decision"), _("deducted"), _("denominator ticks"), _("destination sha256"), _("digest"), _("distributable"),
    _("due at"), _("earned"), _("effective at"), _("ends at"), _("ends on"), _("erased at"), _("error"),
    _("exported at"), _("exported by"), _("fees"), _("file"), _("filed at"), _("filed by"), _("finished at"),
    _("format"), _("frozen arrival"), _("frozen at"), _("generation id"), _("gross"), _("hash"),
    # Translators: an amount that is held back
    _("held"), _("ID"), _("id"), _("input digest"), _("journals after"), _("journals upto"), _("key"), _("kind"),
    _("late"), _("lease until"), _("legs count"), _("legs sha256"),
    # Translators: of a file
    _("line"), _("loaded at"), _("loaded by"), _("locked at"), _("locked by"), _("mapping"), _("matched at"),
    _("matched by"), _("mix"), _("model"), _("name"), _("net"), _("noticed on"), _("number"), _("numerator ticks"),
    _("object"), _("opened by"), _("opted out records"), _("ordinal"), _("outcome"),
    # Translators: an amount that was paid
    _("paid"), _("parquet sha256"), _("password ends at"), _("payee"), _("payee id"), _("payment key"),
    _("payments count"), _("placed at"), _("placed by"),
    # Translators: that a customer subscribes to
    _("plan"), _("platform"), _("posted at"), _("prepared at"), _("prepared by"), _("prev hash"), _("progress done"),
    _("progress total"), _("proof"), _("published at"), _("published by"), _("rate on"), _("rate source"), _("reason"),
    _("records"), _("reference"), _("refund of"), _("registered at"), _("registered by"), _("release reason"),
    # Translators: an amount that is no longer held back
    _("released"), _("released at"), _("released by"), _("request"), _("requested at"),
    # Translators: what remained of a pool
    _("rest"), _("restatement"), _("result"), _("result digest"),
    # Translators: the journal that this one takes back
    _("reverses"), _("role"), _("roles"), _("row"), _("rows"), _("rows accepted"), _("rows duplicate"), _("rows in"),
    _("rows quarantined"), _("rule"), _("sale id"), _("sales count"), _("scope"), _("sealed"), _("seq"), _("set at"),
    _("set by"), _("sha256"), _("share"),
    # Translators: debit or credit
    _("side"), _("sold at"), _("source"), _("stage"), _("stands for"), _("started at"), _("starts at"), _("starts on"),
    _("state"), _("step"), _("stream"), _("subject"), _("submitted by"), _("suspense reason"),
    # Translators: of a policy
    _("table"), _("target"), _("tax"), _("text"), _("timezone"), _("token"),
    # Translators: nobody has an account for this contributor
    _("unclaimed"), _("units"), _("unknown columns"), _("uploaded at"), _("uploaded by"), _("upto seq"), _("value"),
    _("version"), _("weight ticks"), _("weights sha256"), _("withheld"),
)  # fmt: skip
CHOICES = {
    # kinds of files
    "attributions": pgettext_lazy("choice", "attributions"),
    "consents": pgettext_lazy("choice", "consents"),
    "contributors": pgettext_lazy("choice", "contributors"),
    "measures": pgettext_lazy("choice", "measures"),
    "models": pgettext_lazy("choice", "models"),
    "outputs": pgettext_lazy("choice", "outputs"),
    "payment_results": pgettext_lazy("choice", "payment results"),
    "rates": pgettext_lazy("choice", "rates"),
    "sales": pgettext_lazy("choice", "sales"),
    "splits": pgettext_lazy("choice", "splits"),
    "usage": pgettext_lazy("choice", "usage"),
    # kinds of debts, and what is done with them
    "advance": pgettext_lazy("choice", "advance"),
    "overpayment": pgettext_lazy("choice", "overpayment"),
    "book": pgettext_lazy("choice", "book"),
    "decline": pgettext_lazy("choice", "decline"),
    "write_off": pgettext_lazy("choice", "write off"),
    # what is done with claims
    "prove": pgettext_lazy("choice", "prove"),
    "lapse": pgettext_lazy("choice", "lapse"),
    "reject": pgettext_lazy("choice", "reject"),
    "uphold": pgettext_lazy("choice", "uphold"),
    # of consents
    "opt_in": pgettext_lazy("choice", "opt in"),
    "opt_out": pgettext_lazy("choice", "opt out"),
    # why a share is passed on
    "agency": pgettext_lazy("choice", "agency"),
    "co_author": pgettext_lazy("choice", "co author"),
    "estate": pgettext_lazy("choice", "estate"),
    # what somebody had to do with an output
    "output": pgettext_lazy("choice", "output"),
    "style": pgettext_lazy("choice", "style"),
    "modified": pgettext_lazy("choice", "modified"),
    # to whom money goes
    "contributor": pgettext_lazy("choice", "contributor"),
    "platform": pgettext_lazy("choice", "platform"),
    "suspense": pgettext_lazy("choice", "suspense"),
    "carried": pgettext_lazy("choice", "carried"),
    "commons": pgettext_lazy("choice", "commons"),
    "held": pgettext_lazy("choice", "held"),
    # of money in suspense: shared out after all
    "share": pgettext_lazy("choice", "share"),
    # what a match is of
    "model": pgettext_lazy("choice", "model"),
    "dataset_version": pgettext_lazy("choice", "dataset version"),
    # of pools
    "movements": pgettext_lazy("choice", "movements"),
    # of sales
    "sale": pgettext_lazy("choice", "sale"),
    "refund": pgettext_lazy("choice", "refund"),
}
FRAME = (
    # Translators: of a frame that has no catalogue; "True" and "False" say what a sign means
    _("Type to search"), _("Go back"), _("True"), _("False"), _("Select record"),
)  # fmt: skip
WORDS = frozenset((*NAMES, *COLUMNS))


def word(name: str) -> str:
    """In the reader's language."""
    return gettext(name) if name else ""


def choice(label: str) -> str:
    """A choice's label: in English as it is, often a code; elsewhere in words, if there are any."""
    code = label.replace(" ", "_").lower()
    said = STATES.get(code) or CHOICES.get(code)
    if said is None or language() == "en":
        return label
    return str(capfirst(said)) if label[0].isupper() else str(said)


word_lazy: Any = lazy(word, str)
choice_lazy: Any = lazy(choice, str)


def in_each_language(model: type[models.Model]) -> None:
    """From now on a model and its fields are called what their reader calls them. Their stored names stay; what Django
    names, it has words for."""
    with override("en"):
        model._meta.verbose_name, model._meta.verbose_name_plural = (
            word_lazy(str(name)) for name in (model._meta.verbose_name, model._meta.verbose_name_plural)
        )
    for field in model._meta.concrete_fields:
        field.verbose_name = _heard(field.verbose_name)
        if field.choices:
            field.choices = [(value, _heard(label, choice_lazy)) for value, label in field.flatchoices]


def _heard(name: Any, by: Any = word_lazy) -> Any:
    return name if isinstance(name, Promise) else by(name)
