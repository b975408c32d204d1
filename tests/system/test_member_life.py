"""A member's life in the registry: its contact, and how it is kept to the machine."""

import pytest

from commandline import BIN, Cli

pytestmark = pytest.mark.skipif(not BIN.exists(), reason=f"{BIN} is not built")

CONTACT = "ops+nts@example.net"


@pytest.fixture
def pool(tmp_path):
    cli = Cli(tmp_path / "state")
    cli("init", "pool.test", "--ns", "ns1.pool.test=127.0.0.1")
    return cli


def test_contact_leave_and_flag_are_shown_set_and_cleared(pool):
    pool("member", "add", "alice", "--address", "9.9.9.9", "--contact", CONTACT, "--leave", "2097-01-31", "--unlisted")
    alice = pool.json("member", "show", "alice")
    assert (alice["contact"], alice["leave_at"], alice["unlisted"]) == (CONTACT, "2097-01-31T00:00:00Z", True)
    text = pool("member", "show", "alice")
    assert CONTACT in text and "2097-01-31" in text and "unlisted       yes" in text
    assert f"-m {CONTACT} " in pool("member", "welcome", "alice")
    [listed] = pool.json("member", "list")
    assert "contact" not in listed and listed["leave_at"] == "2097-01-31T00:00:00Z"
    pool("member", "set", "alice", "--no-contact", "--no-leave", "--listed")
    alice = pool.json("member", "show", "alice")
    assert (alice["contact"], alice["leave_at"], alice["unlisted"]) == (None, None, False)


@pytest.mark.parametrize("status, options, words", [
    (1, ("--contact", "Ops <ops@example.net>"), "one mail address"),
    (1, ("--contact", "ops@example.net\nBcc: x@example.net"), "one mail address"),
    (1, ("--contact", "$(id)@example.net"), "one mail address"),
    (1, ("--contact", "a" * 60 + "@" + "b" * 200 + ".example"), "at most 254"),
    (1, ("--leave", "2020-01-01"), "a time to come"),
    (2, ("--leave", "soon"), "2027-11-23"),
    (2, ("--leave", "2097-02-30"), "2027-11-23"),
])
def test_what_is_no_contact_and_no_time_to_leave_is_refused(pool, status, options, words):
    assert words in pool.refused("member", "add", "alice", "--address", "9.9.9.9", *options, status=status)
    assert pool.json("member", "list") == []


def test_contact_is_neither_in_the_feed_nor_in_the_audit_trail(pool):
    pool("member", "add", "alice", "--address", "9.9.9.9", "--contact", CONTACT)
    pool("member", "set", "alice", "--contact", "other@example.net")
    pool("member", "set", "alice", "--no-contact")
    pool("member", "set", "alice", "--contact", CONTACT)
    log = pool("log")
    assert "@example.net" not in log and log.count("contact set") == 3 and log.count("contact removed") == 1
    assert "@example.net" not in pool("log", "alice")
    assert b"@example.net" not in (pool.state / "feed" / "members").read_bytes()


def test_table_of_members_carries_them(pool, tmp_path):
    pool("member", "add", "alice", "--address", "9.9.9.9", "--contact", CONTACT, "--leave", "2097-01-31T10:00:00Z", "--unlisted")
    pool("member", "add", "bob", "--address", "9.9.9.10")
    table = tmp_path / "table.csv"
    pool("member", "export", str(table))
    before = [pool.json("member", "show", name) for name in ("alice", "bob")]
    other = Cli(tmp_path / "other")
    other("init", "pool.test", "--ns", "ns1.pool.test=127.0.0.1")
    other("member", "import", str(table))
    for old in before:
        new = other.json("member", "show", old["name"])
        assert {key: new[key] for key in ("contact", "leave_at", "unlisted")} == {key: old[key] for key in ("contact", "leave_at", "unlisted")}
    for columns, row, words in (("contact", "ops", "contact is one mail address"), ("leave", "soon", "leave is"), ("leave", "2027-02-29", "leave is"),
                                ("leave", "2020-01-31", "leave is over"), ("unlisted", "no", "unlisted is")):
        table.write_text(f"name,ipv4,{columns}\ncarol,9.9.9.11,{row}\n")
        assert words in other.refused("member", "import", str(table))


def test_operator_has_few_members_that_wait_for_a_certificate(pool):
    def add(number, operator, *options):
        return ("member", "add", f"m{number}", "--address", f"9.9.9.{number}", "--operator", operator, *options)

    for number in range(1, 6):
        pool(*add(number, "Example"))
    assert "operator-pending" in pool.refused(*add(6, "Example"))
    pool(*add(6, "Other"))
    pool(*add(7, "Example", "--force"))
    pool("zone", "set", "operator-pending", "7")
    pool(*add(8, "Example"))
    assert "7 members of Example" in pool.refused(*add(9, "Example"))
    pool("zone", "set", "operator-pending", "0")
    pool(*add(9, "Example"))


def test_members_are_listed_by_the_age_of_their_registration(pool):
    pool("member", "add", "alice", "--address", "9.9.9.9")
    assert pool.json("member", "list", "--older", "7d") == []
    assert [member["name"] for member in pool.json("member", "list", "--older", "2099-01-01")] == ["alice"]
    assert "--older" in pool.refused("member", "list", "--older", "long", status=2)


def test_nobody_expires_in_a_new_pool(pool):
    pool("member", "add", "alice", "--address", "9.9.9.9", "--leave", "1d")
    assert pool("member", "expire") == ""
    assert pool.json("member", "expire", "--dry-run") == {"dry_run": True, "follows": False, "removed": []}
    assert pool.names() == ["alice"]


def test_machine_that_follows_removes_nobody_and_sends_no_mail(tmp_path):
    second = Cli(tmp_path / "second")
    second("init", "pool.test", "--follow", "--ns", "ns1.pool.test=127.0.0.1")
    assert second("member", "expire") == "this machine follows: the one that leads removes members\n"
    assert second.json("member", "expire")["follows"] is True
    assert second("notices", "--send", "/bin/false") == "this machine follows: the one that leads sends mails\n"
    assert second.json("notices", "--send", "/bin/false") == {"follows": True, "verdicts_told": False, "mails": []}
