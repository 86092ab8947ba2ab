"""Every fault there is, under its name and with one line about it."""

from collections.abc import Mapping

from simulator import spoiling as make
from simulator.faults import (
    BreakOff,
    Change,
    Drop,
    Effect,
    Fate,
    Fault,
    Instead,
    Moment,
    Notice,
    Wait,
)
from simulator.reference import BAD_BASE64, BAD_PIXELS, BAD_RATIO
from simulator.tasks import Failure, Success

HUGE = 50 * 1024**3
NO_RESOURCE = "task resource insufficient"
NO_ANSWER = "task response error"
NO_TASK = "task creation error"
UNANSWERED = "no answer (aiohttp's client asks once more by itself)"
HTML = b"<html><head><title>Bad Gateway</title></head><body>nginx</body></html>"
GARBAGE = b'{"id": <<< this is not JSON >>>'
BALANCE = {"status": {"code": 402, "message": "no balance", "error_code": 40201}}
EMPTY_504 = make.bare(504, b"", "text/plain")
EMPTY_504_AFTER = make.bare(504, b"", "text/plain", takes_effect=True)
NOT_JSON = make.bare(200, GARBAGE, "application/json", takes_effect=True)

Row = tuple[str, Effect, str]

# Names, effects and descriptions; a name gets its moment as a prefix below.
_EVERY_CALL: tuple[Row, ...] = (
    ("401", make.refuses(401, "1000", "invalid api key"), "key refused"),
    ("402", make.says(402, BALANCE), "balance used up, in the status shape"),
    ("403", make.refuses_flatly(403, 1103, "no permission"), "no permission for the model"),
    ("429-1302", Instead(reply=make.too_many_requests), "too many requests, with Retry-After"),
    ("429-1303", make.refuses_flatly(429, 1303, "too many tasks"), "too many running tasks"),
    ("429-1101", make.refuses(429, "1101", "in arrears"), "in arrears, despite the 429"),
    ("429-1304", make.refuses(429, "1304", "ip refused"), "address not allowed, despite the 429"),
    ("400-1301", make.refuses(400, "1301", "risk control"), "content policy"),
    ("500", make.says(500, {"error": "internal error"}), "provider trouble, error as plain text"),
    ("502", make.bare(502, HTML, "text/html"), "provider trouble, a page of HTML"),
    ("503", make.says(503, {"message": "unavailable"}), "provider trouble, only a message"),
    ("504", EMPTY_504, "provider trouble, an empty body"),
    ("slow", Wait(), "the call waits before it is handled"),
    ("truncated", Change(alter=make.halved), "takes effect, half of the answer's JSON"),
    ("garbage", NOT_JSON, "takes effect, the answer is not JSON"),
)

_CREATE: tuple[Row, ...] = (
    *_EVERY_CALL,
    ("drop-before", Drop(takes_effect=False), "no effect, no answer"),
    ("drop-after", Drop(takes_effect=True), "takes effect, no answer"),
    ("504-after", EMPTY_504_AFTER, "takes effect, and yet answers 504"),
    ("slow-answer", Wait(takes_effect_first=True), "takes effect, then waits to answer"),
    ("no-id", make.says(200, {"error": {"code": "1201", "message": NO_TASK}}), "200 without id"),
)

_TASK: tuple[Row, ...] = (
    ("completed-at-once", Fate(decide=make.at_once), "the create answers completed"),
    ("failed-at-once", Fate(decide=make.failed_at_once), "the create answers failed"),
    ("never-ends", Fate(decide=make.never), "stays in progress"),
    ("slow", Fate(decide=make.later), "ends later than it would"),
    ("006001094", make.fails("006001094", NO_RESOURCE), "fails: no capacity"),
    ("006001095", make.fails("006001095", NO_ANSWER), "fails: no usable answer"),
    ("006001099", make.fails("006001099", NO_TASK), "fails: not accepted"),
    ("risk-control", make.fails("006001095", "risk control"), "fails: content policy"),
    ("image-pixel", make.fails("006001099", BAD_PIXELS), "fails: reference image too small"),
    ("image-ratio", make.fails("006001099", BAD_RATIO), "fails: reference image too long"),
    ("image-base64", make.fails("006001099", BAD_BASE64), "fails: reference image unreadable"),
    ("error-text", make.ends_as(Failure(error=NO_ANSWER)), "fails: error as plain text"),
    (
        "error-integer",
        make.ends_as(Failure(error={"code": 6001094, "error_message": NO_RESOURCE})),
        "fails: a code without its leading zeros",
    ),
    (
        "error-message",
        make.ends_as(Failure(error={"code": "006001095", "message": NO_ANSWER})),
        "fails: message in place of error_message",
    ),
    ("one-short", Fate(decide=make.one_picture_short), "one picture fewer than asked for"),
    ("no-pictures", make.ends_as(Success(pictures=0)), "completes with an empty output"),
)

_POLL: tuple[Row, ...] = (
    *_EVERY_CALL,
    ("404", make.refuses(404, "1203", "task not found"), "not found, or not visible yet"),
    ("drop", Drop(takes_effect=False), UNANSWERED),
    ("unknown-status", make.sets(status="polishing"), "a status word nobody knows"),
    ("no-progress", make.drops_key("progress"), "leaves out the progress"),
)

_ANSWER: tuple[Row, ...] = (
    ("succeeded", make.sets(status="succeeded"), "another word for completed"),
    ("output-null", make.sets(output=None), "output is null"),
    ("outputs-apart", make.alters(make.each_apart), "one output for each picture"),
    ("watermark-url", make.alters(make.all_marked), "a watermark_url nobody asked for"),
    ("other-content", make.alters(make.with_video), "also a content that is no image"),
    ("cost-number", make.sets_cost(0.028), "cost is a number"),
    ("cost-empty", make.sets_cost(""), "cost is an empty string"),
    ("cost-null", make.sets_cost(None), "cost is null"),
    ("cost-absent", make.sets(usage={"discount": 1}), "usage without a cost"),
    ("usage-null", make.sets(usage=None), "usage is null"),
    ("extra-keys", make.sets(trace={"id": 1}, data=None), "keys nobody documents"),
)

_DOWNLOAD: tuple[Row, ...] = (
    ("403", make.bare(403, b"hot-linking refused", "text/plain"), "hot-linking refused"),
    ("404", make.bare(404, b"", "text/plain"), "gone"),
    ("500", make.bare(500, b"", "text/plain"), "storage trouble"),
    ("slow", Wait(), "waits before it begins"),
    ("drop", Drop(takes_effect=False), UNANSWERED),
    ("half-file", Change(alter=make.halved), "a complete answer with half of the file"),
    ("cut-off", BreakOff(), "the connection closes half-way"),
    ("wrong-type", make.bare(200, HTML, "text/html"), "a page of HTML with status 200"),
    ("huge", BreakOff(promised_bytes=HUGE), "a Content-Length of 50 GB"),
)

_CALLBACK: tuple[Row, ...] = (
    ("lost", Notice(at_end=0), "never made"),
    ("twice", Notice(at_end=2), "made twice"),
    ("late", Notice(late=True), "made later than the end"),
    ("at-start", Notice(at_start=True), "also made when the work begins"),
    ("forged", Notice(forged=True), "made to an address with another last letter"),
)

_ROWS: Mapping[Moment, tuple[Row, ...]] = {
    Moment.CREATE: _CREATE,
    Moment.TASK: _TASK,
    Moment.POLL: _POLL,
    Moment.ANSWER: _ANSWER,
    Moment.DOWNLOAD: _DOWNLOAD,
    Moment.CALLBACK: _CALLBACK,
}

FAULTS: Mapping[str, Fault] = {
    f"{moment}-{suffix}": Fault(
        name=f"{moment}-{suffix}", moment=moment, effect=effect, about=about
    )
    for moment, rows in _ROWS.items()
    for suffix, effect, about in rows
}
