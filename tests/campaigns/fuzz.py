"""Random cases before a release: texts, parameters, damaged files, threads and interrupts.

    python tests/campaigns/fuzz.py [texts parameters files threads interrupts] [--seconds 60] [--seed 0] [--case N]

A campaign checks one random case after the other for the given time. The number of a case and the seed determine
it, and ``--case`` repeats a single one. With threads and interrupts, the time of the machine plays a part too. A
case is accepted (the package uses the input, and the result is right) or refused (with a clear error). Everything
else is a finding. Each campaign runs in a process of its own. If a case ends or blocks this process, that is a
finding, and a new process goes on. The command prints one case for each kind of finding, and exits with 1 if there
are any. A file with changed bytes can crash joblib before it reaches skrnn, which is not its fault. It needs
Linux or macOS. In a minute it checks about 4,000 files, 600 texts, 500 parameters, 40 cases of
threads and 30 interrupts.
"""

import argparse
import importlib
import logging
import multiprocessing
import os
import random
import re
import resource
import sys
import time
import traceback
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for conftest

from outcomes import Finding, Refused

# The function `prepare` of each module returns a function, which checks the case of a random generator. It can
# return the cost of the case.
CAMPAIGNS = ("texts", "parameters", "files", "threads", "interrupts")
LONGEST_CASE = 120  # seconds
MEMORY = 24 * 2**30  # bytes of address space, so that a huge array raises MemoryError


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("campaigns", nargs="*", default=CAMPAIGNS, metavar="campaign", help="; ".join(CAMPAIGNS))
    parser.add_argument("--seconds", type=float, default=60, help="time for each campaign")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int, help="check only this case")
    arguments = parser.parse_args()
    has_findings = [_has_findings(name, arguments) for name in arguments.campaigns]
    sys.exit(any(has_findings))


def _has_findings(name: str, arguments: argparse.Namespace) -> bool:
    """Run one campaign, print its results, and return whether there are findings."""
    counts, findings, highest, end = Counter(), defaultdict(list), (0.0, 0), None
    for case, outcome, message, details, cost in _results(name, arguments.seed, arguments.case or 0):
        counts[outcome] += 1
        highest = max(highest, (cost, case))
        if outcome == "finding":
            kind = re.sub(r"\d+|'.*?'", "", message)[:100]
            findings[kind].append(f"case {case}: {message} {details}")
        end = end or time.monotonic() + arguments.seconds  # the preparation does not count
        if arguments.case is not None or time.monotonic() > end:
            break
    print(
        f"{name}: {counts.total()} cases, {counts['accepted']} accepted, {counts['refused']} refused, "
        f"{counts['finding']} findings of {len(findings)} kinds"
        + (f", highest cost {highest[0]:.0f} (case {highest[1]})" if highest[0] else "")
    )
    for cases in findings.values():
        print(f"  {len(cases)} times, {cases[0]}")
    sys.stdout.flush()
    return bool(findings)


def _results(name: str, seed: int, case: int) -> Iterator[tuple[int, str, str, str, float]]:
    """Yield the number, outcome, message, details and cost of each case."""
    context = multiprocessing.get_context("spawn")
    while True:
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(name, seed, case, sender), daemon=True)
        process.start()
        sender.close()
        try:
            while receiver.poll(LONGEST_CASE):
                yield case, *receiver.recv()
                case += 1
            yield case, "finding", f"takes longer than {LONGEST_CASE} seconds", "", 0.0
        except EOFError:
            process.join()
            yield case, "finding", f"the process ended with code {process.exitcode}", "", 0.0
        finally:
            process.kill()
        case += 1


def _work(name: str, seed: int, case: int, sender) -> None:
    """Send the results of a campaign from a case on."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    warnings.simplefilter("ignore")
    logging.disable()
    check = importlib.import_module(name).prepare()
    while True:
        result, cost = ("accepted", "", ""), 0.0
        try:
            cost = check(random.Random(f"{seed} {name} {case}")) or 0.0
        except Refused:
            result = "refused", "", ""
        except Finding as finding:
            result = "finding", finding.message, finding.details
        except BaseException as error:
            frames = traceback.extract_tb(error.__traceback__)
            frame = next((frame for frame in reversed(frames) if "/skrnn/" in frame.filename), frames[-1])
            place = f"{Path(frame.filename).name}:{frame.lineno}"
            result = "finding", f"{type(error).__name__} in {place}", f"{error!s:.300}"
        sender.send((*result, cost))
        case += 1


if __name__ == "__main__":
    main()
