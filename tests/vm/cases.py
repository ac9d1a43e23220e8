"""What is run in which virtual machine: every test that the programs hold."""

import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

# Emulated, a thread that is woken runs late by a millisecond or so: tolerances of time, and only
# those, are this much wider.
SLACK = "4"

# Tests, by the beginnings of their names, that cannot run in a virtual machine or not come out differently there.
LEFT_OUT = {
    "Allocators/Placement.",  # counts hits by uprobe.multi, which Linux 6.1 lacks; the code probed is this machine's
    "KernelHistogram.",  # arithmetic
    "Stacks.OfAnInterpreter",  # python3 is not in there
    "Servers/", "Postgres.", "Node.", "Debugger.",  # nor are the servers, interpreters and gdb
    "Kept.ProgramInAChroot",  # nor ldd
}

# Calls that come by different ways through the kernel's futex code.
CALLS = tuple(f"Futex/Outcomes.AreCountedExactlyAndMeasuredClosely/{call}"
              for call in ("timed_wait", "lock_pi", "requeue", "waitv"))

# What --quick takes of each group, by the beginnings of the tests' names: what may differ between kernels,
# most of it with the functions' hooks, which other machines may not have. Kept few: the programs are loaded, which takes a second or more, for every test.
QUICK = {
    "functions": (*CALLS, "Backing/", "Modes/", "Outcomes.", "Signals.", "Attach.", "Life.Killed", "Life.ThreadsBorn",
                  "Limits.FullMap"),
    "tracepoints": (*CALLS, "Activity.", "Signals.", "Attach.", "Life.Killed"),
    "command": ("Doctor.JsonHas", "Doctor.ForcedHooks", "Doctor.WithoutRights", "RightsKept.AreExactly", "Report.HotMutex",
                "Families.ChildrenOfAllAges", "Stacks.GoThroughFrames", "Stacks.GoThroughASignals", "Stacks.OfThreadsThatWait",
                "Ending.TargetThatEndsGets", "Clock.", "Go.ReadersAndWriters", "Programs/GoMutex"),
    "lockdown-integrity": ("",),
    "lockdown-confidentiality": ("",),
}

SECONDS = 200  # for one test

# What the tests start besides our own programs; busybox has the rest.
FROM_HERE = ("/usr/bin/setpriv", "/usr/bin/unshare", "/usr/bin/pgrep", "/usr/sbin/bpftool")


@dataclass
class Case:
    name: str
    command: str
    of_gtest: bool = True


@dataclass
class Boot:
    """One start of a kernel and what is run in it."""
    options: str = ""  # added to the kernel's command line
    cases: list[Case] = field(default_factory=list)


def tests_of(program):
    listing = subprocess.run([program, "--gtest_list_tests"], capture_output=True, text=True, check=True).stdout
    suite = ""
    for line in listing.splitlines():
        name = line.split("#")[0].rstrip()
        if not name.startswith(" "):
            suite = name
        elif not f"{suite}{name.strip()}".startswith(tuple(LEFT_OUT)):
            yield suite + name.strip()


def cases_of(program, group, environment, suite=""):
    for test in tests_of(program):
        if test.startswith(suite):
            command = f"{environment} {shlex.quote(str(program))} --gtest_filter={shlex.quote(test)}"
            yield Case(f"{group}/{test}", command.strip())


def quick_ones(boots):
    """Leaves out all but what QUICK names, each of which must be there."""
    beginnings = [f"{group}/{beginning}" for group, some in QUICK.items() for beginning in some]
    for boot in boots:
        boot.cases = [case for case in boot.cases if case.name.startswith(tuple(beginnings))]
    names = [case.name for boot in boots for case in boot.cases]
    for beginning in beginnings:
        if not any(name.startswith(beginning) for name in names):
            raise SystemExit(f"tests/vm/cases.py: QUICK names {beginning}, but there is no such test")


# A kernel that complains about itself has been harmed.
QUIET = Case("kernel/ComplainsOfNothing", "! dmesg | grep -E 'WARNING: CPU|BUG: [^s]|Oops|general protection'",
             of_gtest=False)


def boots(build: Path, only, quick):
    kernel_tests, command_tests, vm_tests = (build / "tests" / part for part in
                                             ("kernel/kernel_tests", "kernel/command_tests", "vm/vm_tests"))
    slack = f"CW_TEST_SLACK={SLACK}"
    plain = Boot()
    for hooks in ("functions", "tracepoints"):
        plain.cases += cases_of(kernel_tests, hooks, f"CW_TEST_HOOKS={hooks} {slack}")
    plain.cases += cases_of(command_tests, "command", slack)
    plain.cases += cases_of(vm_tests, "command", slack, "Clock")
    all_boots = [plain]
    for level in ("integrity", "confidentiality"):
        locked = Boot(f"lockdown={level}")
        locked.cases += cases_of(vm_tests, f"lockdown-{level}", slack, f"Lockdown{level.capitalize()}")
        all_boots.append(locked)
    if quick:
        quick_ones(all_boots)
    for boot in all_boots:
        boot.cases = [case for case in boot.cases if only in case.name]
    all_boots = [boot for boot in all_boots if boot.cases]
    for boot in all_boots:
        boot.cases.append(Case(f"{boot.options}/{QUIET.name}".strip("/"), QUIET.command, QUIET.of_gtest))
    return all_boots


def programs(build: Path):
    """All that the tests start, at the paths that they were compiled with."""
    own = [build / "tests/kernel/kernel_tests", build / "tests/kernel/command_tests", build / "tests/vm/vm_tests",
           build / "userspace/app/contentionwatch", *build.glob("**/contentionwatch-demo")]
    workloads = [file for file in (build / "tests/workloads").iterdir() if file.is_file() and file.stat().st_mode & 0o111]
    return [*own, *workloads, *map(Path, FROM_HERE)]
