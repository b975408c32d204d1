"""Rollovers of the ZSK under load: latency and lost answers when a key is published, when it begins to sign, and while the signatures of the
key before are replaced."""

import json
import mmap
import random
import struct
import subprocess
import time

import flood
import generate
import servers
from measure import Job, median
from sections import table
from servers import Pool

MEMBERS, ROLLS, BEFORE, AFTER, WORST = 100000, 3, 5, 15, 2
SETTINGS = {"ttl": 2, "propagation-delay": 60}
WAIT_S = 62  # of caches for the DNSKEY RRset, with these settings
RESIGN_S = 600  # ROLLOVER_RESIGN_S
LEAD_S, LATER_S = 5, 120  # before and after the changes, the clock is led by so much a second: all happens so much faster
HOUR, STEP_S, SETTLE_S = 3600, 240, 0.4  # the key manager takes such a step for time that went by


class Clock:
    """The time of day of the server and the commands (led_clock.c)."""

    def __init__(self, bench):
        self.path = bench.work / "led-clock"
        self.path.write_bytes(bytes(8))
        self.file = open(self.path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), 8)
        self.ahead = 0
        library = bench.work / "led_clock.so"
        servers.call(*servers.COMPILER, "-shared", "-fPIC", "-o", library, servers.HERE / "led_clock.c")
        self.prefix = ["env", f"LD_PRELOAD={library}", f"LED_CLOCK={self.path}"]

    def move(self, seconds):
        self.ahead += seconds
        self.map[:] = struct.pack("=q", self.ahead)


class Rollovers:
    def __init__(self, bench):
        self.bench, self.clock, self.phases = bench, Clock(bench), {}
        self.pool = Pool(bench.work / "keys", MEMBERS)  # which other sections do not use
        for name, value in SETTINGS.items():
            self.pool.set(name, value)
        names = [generate.query(f"m{i:05d}.{generate.ZONE}", kind) for i in range(MEMBERS) for kind in ("A", "AAAA")]
        random.Random(1).shuffle(names)
        self.count = len(names)
        (self.pool.directory / "all.bin").write_bytes(b"".join(struct.pack("!H", len(m)) + m for m in names))
        self.server = bench.started(self.pool.serve(None, bench.log, prefix=self.clock.prefix))
        self.pass_time(HOUR)  # caches may have records with the TTLs before SETTINGS
        self.warm_up()
        self.rate = bench.measure(self.job()).qps / 2

    def job(self):
        return Job(self.server, self.pool, "all", ("-c", "16", "-o", f"{random.randrange(self.count)}"))

    def warm_up(self):
        self.bench.measure(self.job(), "-n", self.count)

    def pass_time(self, seconds):
        for _ in range(seconds // STEP_S + 1):
            self.clock.move(STEP_S)
            time.sleep(SETTLE_S)

    def ntspool(self, *words):
        """Beside the load generator, which this must not hold up."""
        command = ["taskset", "-c", "1", "chrt", "-i", "0", *self.clock.prefix, servers.BIN / "ntspool", "--state", self.pool.state, *words]
        return servers.call(*command, stdout=subprocess.PIPE).stdout

    def keys(self):
        """How many keys are published, and which ZSK signs."""
        keys = json.loads(self.ntspool("--json", "key", "list"))
        signs = [key["tag"] for key in keys if key["signs_zone"]["on"] and not key["signs_zone"]["off"]]
        return len([key for key in keys if key["dnskey"]["on"] and not key["dnskey"]["off"]]), signs

    def slice(self, phase, change=None):
        """One second of load, with a change a quarter of a second after its beginning."""
        load = flood.start(self.bench, self.job(), f"{self.rate:.0f}", 1)
        if change:
            time.sleep(0.25)
            change()
        self.phases.setdefault(phase, []).append(flood.finish(load))

    def roll(self):
        for _ in range(BEFORE):
            self.slice("before", lambda: self.clock.move(LEAD_S))
        count, signs = self.keys()
        self.slice("a key is published", lambda: self.ntspool("key", "roll", "zsk"))
        time.sleep(SETTLE_S)
        assert self.keys() == (count + 1, signs)
        self.slice("the second after")
        self.slice("another key signs", lambda: self.clock.move(WAIT_S))
        time.sleep(SETTLE_S)
        assert self.keys()[1] != signs
        self.slice("the second after it")

    def run(self):
        for number in range(ROLLS):
            self.bench.say(f"rollover {number + 1} of {ROLLS}")
            self.roll()
            if number < ROLLS - 1:
                self.pass_time(RESIGN_S + 2 * WAIT_S + STEP_S)  # until the old key is gone
                self.warm_up()
        self.replace("signatures are replaced, first minutes")
        self.clock.move(LATER_S)
        time.sleep(SETTLE_S)
        self.warm_up()  # makes what was due in that time; each answer is cached for 4 to 8 minutes
        self.replace("signatures are replaced, later")
        self.bench.stop(self.server)

    def replace(self, phase):
        for _ in range(AFTER):
            self.slice(phase, lambda: self.clock.move(LEAD_S))


def keyswitch(bench):
    bench.say(f"rollovers of the ZSK, {MEMBERS} members")
    rolls = Rollovers(bench)
    rolls.run()
    rows, worst, lost = [], {"p50": 0, "p99": 0}, 0
    before = rolls.phases["before"]
    for phase, taken in rolls.phases.items():
        ratios = {key: median(taken, key) / median(before, key) for key in worst}
        worst = {key: max(worst[key], ratio) for key, ratio in ratios.items()}
        lost += sum(sample.lost for sample in taken) if phase != "before" else 0
        rows.append([phase, f"{len(taken)}", *(f"{median(taken, key):.0f}" for key in ("p50", "p99")), f"{median(taken, 'cpu'):.2f}",
                     f"{ratios['p50']:.2f}", f"{ratios['p99']:.2f}", f"{sum(sample.lost for sample in taken)}"])
    for key, ratio in worst.items():
        bench.bar(f"{key} over a rollover of the ZSK at half load, {MEMBERS:,} members, to before", f"<= {WORST}", f"{ratio:.2f}",
                  ratio <= WORST)
    bench.bar("answers lost meanwhile", "0", f"{lost}", lost == 0)
    return [f"{ROLLS} rollovers of the ZSK under half the load ({rolls.rate:.0f} queries a second, open loop): A and AAAA of {MEMBERS:,} "
            f"members at random, all of them cached before. Medians of slices of a second; the first two lines of a change are the second "
            f"with it and the next one. Before, and after the last switch, the clock is led, so that signatures are replaced and sets "
            f"dealt {LEAD_S + 1} times as fast as in earnest:", "",
            *table(["phase", "slices", "p50 µs", "p99 µs", "CPU µs a query", "p50 to before", "p99 to before", "lost"], rows)]
