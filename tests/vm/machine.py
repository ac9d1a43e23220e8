"""One virtual machine: boots a kernel, runs a plan, and says what became of each case of it."""

import ctypes
import mmap
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from cases import SECONDS

# Seconds after which a machine is killed: in all, and without a result.
BOUND, SILENCE = 3600, 2 * SECONDS
# The processors take turns on one thread (MTTCG off): run at once, one now and then keeps running
# code that the other has just replaced, and a kernel that patches itself, as it does for every hook,
# then hangs or crashes. What the emulated processor can do more than others only makes it slow.
QEMU = ("qemu-system-x86_64 -accel tcg,thread=single -cpu qemu64 -m 2G -smp 2 -no-reboot -display none "
        "-monitor none -nic none").split()
# The emulated clocks agree, which the kernel cannot know; it would take one that is slow to read. How fast
# they tick it would find out by counting while another clock runs; on a busy machine it is held up, and a
# second of its own was then seen to take a fifth of one. What guards against spying processes costs time
# here, too.
KERNEL_OPTIONS = ("console=ttyS0 quiet oops=panic panic=-1 rdinit=/init tsc=reliable tsc_early_khz={tsc_khz} "
                  "mitigations=off contentionwatch.vm")


@dataclass
class Result:
    state: str  # as in JUnit: run, fail or notrun
    seconds: float
    output: str


def time_stamp_khz():
    """How fast this machine's time stamp counter ticks, which qemu passes on as it is."""
    with mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as page:
        page.write(bytes.fromhex("0f31 48c1e220 4809d0 c3"))  # rdtsc; shl $32, %rdx; or %rdx, %rax; ret
        code = ctypes.c_char.from_buffer(page)
        read = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(code))

        def together():  # both clocks; of several tries the one that was interrupted least
            tries = [(time.monotonic_ns(), read(), time.monotonic_ns()) for _ in range(20)]
            before, ticks, after = min(tries, key=lambda each: each[2] - each[0])
            return ticks, (before + after) // 2

        (ticks, ns), _, (more_ticks, more_ns) = together(), time.sleep(0.2), together()
        del read, code
    return round((more_ticks - ticks) / (more_ns - ns) * 1e6)


def archive(name, data):
    """A file system image with one file, to be added to another."""
    def entry(path, mode, content):
        path = path.encode() + b"\0"
        fields = [0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(path), 0]
        header = b"070701" + b"".join(b"%08x" % value for value in fields) + path
        return header + b"\0" * (-len(header) % 4) + content + b"\0" * (-len(content) % 4)
    return entry(name, 0o100644, data) + entry("TRAILER!!!", 0, b"")


def passed(case, status, output):
    # A test that was skipped or not found exits with 0, too.
    return status == 0 and (not case.of_gtest or "[  PASSED  ] 1 test." in output)


def read_results(text, boot):
    results = [Result("notrun", 0, "") for _ in boot.cases]
    for part in re.split(r"^@begin ", text.replace("\r\n", "\n"), flags=re.MULTILINE)[1:]:
        number, _, rest = part.partition("\n")
        output, ended, end = rest.partition(f"\n@end {number} ")
        case, output = boot.cases[int(number)], output.strip()
        if ended:
            status, seconds = end.split("\n")[0].split()
            good = passed(case, int(status), output)
            results[int(number)] = Result("run" if good else "fail", float(seconds),
                                          output if good else f"{output}\nexit status {status}")
        else:
            results[int(number)] = Result("fail", 0, f"{output}\nthe machine went down or hung here")
    return results


def wait_for_end(process, progress: Path):
    """Waits until the machine powers off, or kills it; what went wrong."""
    began = changed = time.monotonic()
    size = 0
    while True:
        try:
            process.wait(timeout=1)
            return process.stderr.read()
        except subprocess.TimeoutExpired:
            now = time.monotonic()
        if progress.stat().st_size != size:
            size, changed = progress.stat().st_size, now
        if now - began > BOUND or now - changed > SILENCE:
            process.kill()
            process.wait()
            return f"killed: it ran for {now - began:.0f} s, {now - changed:.0f} s of them without a word"


def run(kernel, image, boot, folder: Path):
    """The results of all cases, and what the kernel said."""
    folder.mkdir(parents=True, exist_ok=True)
    plan = "".join(f"{SECONDS} {case.command}\n" for case in boot.cases)
    initrd, console, serial = folder / "initrd", folder / "console", folder / "results"
    initrd.write_bytes(image.read_bytes() + archive("plan", plan.encode()))
    for file in (console, serial):
        file.write_text("")
    command = [*QEMU, "-kernel", kernel, "-initrd", initrd, "-serial", f"file:{console}", "-serial", f"file:{serial}",
               "-append", f"{KERNEL_OPTIONS.format(tsc_khz=time_stamp_khz())} {boot.options}"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        wrong = wait_for_end(process, serial)
    initrd.unlink()
    said = (console.read_text(errors="replace") + wrong).strip()
    return read_results(serial.read_text(errors="replace"), boot), said
