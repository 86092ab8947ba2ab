from dataclasses import replace
from pathlib import Path

from bench import inflight, lives
from bench.inflight import Flight, Plan
from bench.lives import Rate
from bench.scale import Options, Outcome, find_problems, summary

OPTIONS = Options(
    in_flight=10, wishes=8, requests_per_second=100, settle=1.0, window=1.0, seed=0, workers=[1, 2]
)
FLIGHT = Flight(
    in_flight=10,
    loop_lag_p50_ms=1.0,
    loop_lag_p99_ms=49.0,
    loop_lag_worst_ms=99.0,
    loop_own_p99_ms=9.0,
    cpu_percent=50.0,
    peak_rss_mb=249.0,
    polls_per_s=10.0,
    edits_per_s=1.0,
    errors=0,
    resume_s=4.9,
    resume_open_s=0.1,
    resume_from_open_s=0.2,
)


def rate(workers: int, seconds: float) -> Rate:
    return Rate(workers=workers, wishes=8, delivered=8, seconds=seconds)


GOOD = Outcome(flight=FLIGHT, sqlite=rate(1, 1.0), postgresql=[rate(1, 2.0), rate(2, 1.0)])


def test_summary_has_the_agreed_keys() -> None:
    agreed = {
        "in_flight",
        "loop_lag_p99_ms",
        "cpu_percent",
        "peak_rss_mb",
        "resume_s",
        "lives_per_s",
    }
    assert agreed <= summary(GOOD).keys()
    assert summary(GOOD)["lives_per_s"] == {
        "sqlite": 8.0,
        "postgresql_1": 4.0,
        "postgresql_2": 8.0,
    }


def test_missed_targets_are_told_in_words() -> None:
    assert find_problems(OPTIONS, GOOD) == []
    late = replace(
        FLIGHT,
        in_flight=9,
        loop_lag_p99_ms=50.0,
        peak_rss_mb=250.0,
        resume_s=5.0,
        errors=1,
    )
    lost = replace(rate(1, 1.0), delivered=7)
    poor = Outcome(flight=late, sqlite=lost, postgresql=[rate(1, 1.0), rate(2, 2.0)])
    assert find_problems(OPTIONS, poor) == [
        "9 of 10 are still in flight",
        "the loop is 50 ms late (p99); 50 are allowed",
        "the process took 250 MB; 250 MB are allowed",
        "it took 5 s to resume; 5 s are allowed",
        "the engine has logged 1 errors",
        "more workers on PostgreSQL are no quicker than one",
        "7 of 8 wishes were delivered",
    ]


async def test_rows_in_flight_are_polled_and_taken_up_again_after_a_kill(tmp_path: Path) -> None:
    # so few requests a second that most rows are still due when the engine is killed
    plan = Plan(in_flight=40, settle=0.1, window=0.5, requests_per_second=5, seed=0)
    flight = await inflight.measure(plan, tmp_path)
    assert flight.in_flight == 40
    assert flight.errors == 0
    assert flight.polls_per_s > 0
    assert 0 < flight.resume_from_open_s < flight.resume_s


async def test_wishes_of_a_worker_live_whole_lives(tmp_path: Path) -> None:
    rate = await lives.on_sqlite(tmp_path, wishes=4, requests_per_second=1000)
    assert (rate.workers, rate.wishes, rate.delivered) == (1, 4, 4)
    assert rate.lives_per_s > 0
