import subprocess
import sys

_ROUNDS = """
import gc
from shared.collector import spare_collector

rounds = 0
def count(phase, info):
    global rounds
    rounds += phase == "start"

def work():
    global rounds
    rounds, kept = 0, []
    gc.callbacks.append(count)
    for no in range(19_000):
        kept.append([no])
    gc.callbacks.remove(count)
    return rounds

before = work()
spare_collector()
spare_collector()
print(before > 10, work(), gc.get_freeze_count() > 1_000)
"""


def test_what_a_started_process_keeps_is_not_gone_through_again() -> None:
    # In a process of its own: the collector of the tests stays as it is.
    told = subprocess.run(
        [sys.executable, "-c", _ROUNDS], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["True", "0", "True"]
