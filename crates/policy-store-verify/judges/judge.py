"""Judges a folder of a log's checkpoints and proofs with the PyPI package aics-tlog. README.md names the files.

The package verifies signed notes, cosignatures, inclusion and consistency, and computes the roots. Written here are only
the split of a tlog-proof and of an add-checkpoint body into lines, and what has to be in the folder.
"""

import sys
from importlib.metadata import version
from pathlib import Path

from aics_tlog import (
    EMPTY_HASH,
    MerkleTree,
    VKey,
    WitnessPolicy,
    parse_note,
    parse_vkey,
    verify_checkpoint,
    verify_consistency,
    verify_leaf_inclusion,
    vkey_from_ed25519,
)
from aics_tlog.note import b64_decode

CASES = ["changed-entry", "dropped-entry", "forked-log", "other-origin", "other-size", "unknown-witness"]


class Refused(Exception):
    """What is wrong with which file. A case of refused/ is right when its own reason refuses it."""

    def __init__(self, reason: str, name: str, detail: str):
        super().__init__(f"{name}: {detail}")
        self.reason = reason


def require(condition: bool, reason: str, name: str, detail: str) -> None:
    if not condition:
        raise Refused(reason, name, detail)


def decimal(text: str, name: str) -> int:
    # Past 19 digits there is no 64-bit size.
    right = text.isascii() and text.isdigit() and len(text) <= 19 and str(int(text)) == text
    require(right, "format", name, f"not a decimal: {text!r}")
    return int(text)


def lines_and_note(data: bytes, name: str) -> tuple[list[str], bytes]:
    head, gap, note = data.partition(b"\n\n")
    require(gap != b"", "format", name, "no empty line before a checkpoint")
    try:
        return head.decode().split("\n"), note
    except UnicodeDecodeError:
        raise Refused("format", name, "not UTF-8") from None


def hashes(lines: list[str], name: str) -> list[bytes]:
    try:
        found = [b64_decode(line) for line in lines]
    except ValueError as e:
        raise Refused("format", name, str(e)) from None
    # RFC 6962 with 64-bit sizes needs no more; tlog-witness says so of consistency proofs.
    require(len(found) <= 63 and all(len(h) == 32 for h in found), "format", name, "not at most 63 hashes of 32 bytes")
    return found


class Judge:
    def __init__(self, folder: Path):
        self.folder = folder
        self.log_key = self.vkey("log.vkey")
        self.witness = self.vkey("witness.vkey")
        try:
            self.policy = WitnessPolicy(quorum=1, witnesses=(self.witness,))
        except ValueError as e:
            raise Refused("format", "witness.vkey", str(e)) from None
        self.origin = self.line("origin")

    def read(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except OSError as e:
            raise Refused("missing", name, e.strerror or "unreadable") from None

    def line(self, name: str) -> str:
        text = self.read(name).decode("utf-8", "replace")
        require(text.endswith("\n") and text.count("\n") == 1, "format", name, "not one line")
        return text[:-1]

    def vkey(self, name: str) -> VKey:
        try:
            return parse_vkey(self.line(name))
        except ValueError as e:
            raise Refused("format", name, str(e)) from None

    def names(self, name: str) -> list[str]:
        try:
            found = sorted(p.name for p in (self.folder / name).iterdir())
        except OSError as e:
            raise Refused("missing", name, e.strerror or "unreadable") from None
        require(found != [], "missing", name, "empty")
        return found

    def checkpoint(self, data: bytes, name: str, *, cosigned: bool = False, log_key: VKey | None = None):
        """The verified checkpoint. A cosignature by the witness has to be right even where none is needed."""
        try:
            note = parse_note(data)
        except ValueError as e:
            raise Refused("format", name, str(e)) from None
        # The package reads over missing and superfluous newlines.
        require(note.to_bytes() == data, "format", name, "not as a signed note is written")
        known = {"policy": self.policy} if cosigned else {"witness_keys": [self.witness]}
        result = verify_checkpoint(note, log_key or self.log_key, expected_origin=self.origin, **known)
        if not result.ok:
            error = result.error or "refused"
            reasons = {"origin mismatch": "origin", "quorum not met": "quorum", "invalid checkpoint": "format"}
            raise Refused(reasons.get(error.partition(":")[0], "signature"), name, error)
        for time in result.timestamps.values():
            require(0 < time < 2**63, "signature", name, f"a cosignature of the time {time}")
        return result

    def proof(self, data: bytes, name: str) -> tuple[int, list[bytes], bytes]:
        lines, note = lines_and_note(data, name)
        require(lines.pop(0) == "c2sp.org/tlog-proof@v1", "format", name, "not a tlog-proof")
        if lines and lines[0].startswith("extra "):
            lines.pop(0)
        require(lines != [] and lines[0].startswith("index "), "format", name, "no index")
        return decimal(lines[0].removeprefix("index "), name), hashes(lines[1:], name), note

    def body(self, data: bytes, name: str) -> tuple[int, list[bytes], bytes]:
        lines, note = lines_and_note(data, name)
        require(lines[0].startswith("old "), "format", name, "no old size")
        return decimal(lines[0].removeprefix("old "), name), hashes(lines[1:], name), note

    def check_root(self, checkpoint, name: str) -> None:
        require(checkpoint.size <= len(self.tree), "root", name, f"of {checkpoint.size} entries, the log has fewer")
        self.check_entries(checkpoint, self.tree, checkpoint.size, name)

    def check_entries(self, checkpoint, entries: MerkleTree, size: int, name: str) -> None:
        require(checkpoint.root == entries.root(size), "root", name, f"not the root of the {size} entries")

    def check_inclusion(self, entry: bytes, index: int, path: list[bytes], checkpoint, name: str) -> None:
        included = verify_leaf_inclusion(entry, index, checkpoint.size, path, checkpoint.root)
        require(included, "inclusion", name, f"does not prove entry {index} in the tree of size {checkpoint.size}")

    def check_consistency(self, old: int, old_root: bytes, path: list[bytes], checkpoint, name: str) -> None:
        consistent = verify_consistency(old, checkpoint.size, old_root, checkpoint.root, path)
        require(consistent, "consistency", name, f"does not prove size {old} a prefix of size {checkpoint.size}")

    def judge(self) -> str:
        newest_note = self.read("checkpoint")
        newest = self.checkpoint(newest_note, "checkpoint", cosigned=True)
        positions = sorted(decimal(name, f"entries/{name}") for name in self.names("entries"))
        for position in sorted(set(positions) ^ set(range(newest.size))):
            raise Refused("missing", f"entries/{position}", f"missing or past the {newest.size} entries")
        self.tree = MerkleTree(self.read(f"entries/{position}") for position in positions)
        self.check_root(newest, "checkpoint")

        earlier = {}
        for size in self.names("checkpoints"):
            name = f"checkpoints/{size}"
            earlier[decimal(size, name)] = found = self.checkpoint(self.read(name), name)
            require(found.size == int(size) < newest.size, "format", name, f"of size {found.size}")
            self.check_root(found, name)

        proofs = self.names("inclusion")
        for name in sorted(set(proofs) ^ {f"{position}.tlog-proof" for position in positions}):
            raise Refused("missing", f"inclusion/{name}", "missing or of no entry")
        inclusion_hashes = 0
        for position in positions:
            name = f"inclusion/{position}.tlog-proof"
            index, path, note = self.proof(self.read(name), name)
            require(index == position, "format", name, f"of entry {index}")
            require(note == newest_note, "format", name, "does not end with the newest checkpoint")
            self.check_inclusion(self.tree.leaf_data(index), index, path, newest, name)
            inclusion_hashes += len(path)

        proven, consistency, consistency_hashes = set(), self.names("consistency"), 0
        for pair in consistency:
            name = f"consistency/{pair}"
            old, path, note = self.body(self.read(name), name)
            new = self.checkpoint(note, name)
            require(pair == f"{old}-{new.size}", "format", name, f"from {old} to {new.size}")
            self.check_root(new, name)
            # Every log begins with the empty tree, signed or not.
            require(old == 0 or old in earlier, "missing", f"checkpoints/{old}", f"the old checkpoint of {name}")
            self.check_consistency(old, earlier[old].root if old else EMPTY_HASH, path, new, name)
            proven.add(old)
            consistency_hashes += len(path)
        for size in earlier:
            require(size in proven, "missing", "consistency", f"no proof from size {size}")
        # Of trees so small, no proof has a hash, and no hash was checked.
        require(inclusion_hashes > 0, "missing", "inclusion", "no proof has a hash")
        require(consistency_hashes > 0, "missing", "consistency", "no proof has a hash")

        for case in sorted(set(self.names("refused")) ^ set(CASES)):
            raise Refused("missing", f"refused/{case}", "missing or not a known case")
        for case in CASES:
            getattr(self, case.replace("-", "_"))(f"refused/{case}")
        return (
            f"{1 + len(earlier)} checkpoints of up to {newest.size} entries, {newest.cosignature_count} cosignature, "
            f"{len(proofs)} inclusion proofs of {inclusion_hashes} hashes, "
            f"{len(consistency)} consistency proofs of {consistency_hashes} hashes, {len(CASES)} cases refused"
        )

    # The refused cases. Each first shows that all the rest of it is right, so only its own reason is left to refuse it.

    def refuses(self, reason: str, case: str, check, *args, **named) -> None:
        try:
            check(*args, case, **named)
        except Refused as e:
            require(e.reason == reason, "case", case, f"refused for the {e.reason}, not the {reason}: {e}")
            print(f"judge.py: refuses {e}")
        else:
            raise Refused("case", case, f"accepted, against its {reason}")

    def changed_entry(self, case: str) -> None:
        entry = self.read(f"{case}/entry")
        index, path, note = self.proof(self.read(f"{case}/proof"), f"{case}/proof")
        checkpoint = self.checkpoint(note, f"{case}/proof")
        require(index < len(self.tree), "case", f"{case}/proof", "of no entry of the log")
        self.check_inclusion(self.tree.leaf_data(index), index, path, checkpoint, f"{case}/proof")
        require(entry != self.tree.leaf_data(index), "case", f"{case}/entry", "the entry is unchanged")
        self.refuses("inclusion", case, self.check_inclusion, entry, index, path, checkpoint)

    def dropped_entry(self, case: str) -> None:
        checkpoint = self.checkpoint(self.read(f"{case}/checkpoint"), f"{case}/checkpoint")
        self.check_root(checkpoint, f"{case}/checkpoint")
        positions = sorted(decimal(name, f"{case}/entries/{name}") for name in self.names(f"{case}/entries"))
        left = [self.read(f"{case}/entries/{position}") for position in positions]
        log = [self.tree.leaf_data(position) for position in range(checkpoint.size)]
        at = next((i for i, (a, b) in enumerate(zip(left, log)) if a != b), len(left))
        require(left == log[:at] + log[at + 1 :] != log, "case", f"{case}/entries", "not the log's without one")
        self.refuses("root", case, self.check_entries, checkpoint, MerkleTree(left), len(left))

    def forked_log(self, case: str) -> None:
        old = self.checkpoint(self.read(f"{case}/old"), f"{case}/old")
        self.check_root(old, f"{case}/old")
        size, path, note = self.body(self.read(f"{case}/consistency"), f"{case}/consistency")
        new = self.checkpoint(note, f"{case}/consistency")
        require(0 < size == old.size <= new.size, "case", f"{case}/consistency", f"from {size}, old is {old.size}")
        # The count depends on the sizes only. A proof of another count would be refused for it.
        count = len(MerkleTree([b""] * new.size).consistency_proof(size))
        require(len(path) == count, "case", f"{case}/consistency", f"{len(path)} hashes, not {count}")
        fork = self.checkpoint(self.read(f"{case}/fork"), f"{case}/fork")
        require(fork.size == size, "case", f"{case}/fork", f"of size {fork.size}, not {size}")
        self.check_consistency(size, fork.root, path, new, f"{case}/consistency")
        self.refuses("consistency", case, self.check_consistency, size, old.root, path, new)

    def other_origin(self, case: str) -> None:
        data = self.read(f"{case}/checkpoint")
        other = data.decode("utf-8", "replace").partition("\n")[0]
        # The log's key may sign under its name or, as tlog-checkpoint advises, under the checkpoint's origin.
        try:
            keys = [self.log_key, vkey_from_ed25519(other, self.log_key.public_key)]
            note = parse_note(data)
        except ValueError as e:
            raise Refused("format", f"{case}/checkpoint", str(e)) from None
        signer = next((key for key in keys if verify_checkpoint(note, key, [self.witness]).ok), None)
        require(signer is not None, "case", f"{case}/checkpoint", "not signed by the log's key")
        self.refuses("origin", case, self.checkpoint, data, log_key=signer)

    def unknown_witness(self, case: str) -> None:
        data = self.read(f"{case}/checkpoint")
        self.check_root(self.checkpoint(data, f"{case}/checkpoint"), f"{case}/checkpoint")
        # Of a cosignature: a time and an Ed25519 signature.
        cosignatures = [s for s in parse_note(data).signatures if len(s.signature) == 8 + 64]
        require(cosignatures != [], "case", f"{case}/checkpoint", "no cosignature")
        stranger = self.vkey(f"{case}/witness.vkey")
        result = verify_checkpoint(parse_note(data), self.log_key, [stranger], 1)
        require(result.ok, "case", f"{case}/checkpoint", f"by its own witness: {result.error}")
        self.refuses("quorum", case, self.checkpoint, data, cosigned=True)

    def other_size(self, case: str) -> None:
        entry = self.read(f"{case}/entry")
        index, path, note = self.proof(self.read(f"{case}/proof"), f"{case}/proof")
        checkpoint = self.checkpoint(note, f"{case}/proof")
        self.check_root(checkpoint, f"{case}/proof")
        require(index < checkpoint.size, "case", f"{case}/proof", "of no entry of the tree")
        require(entry == self.tree.leaf_data(index), "case", f"{case}/entry", "not the entry of the proof")
        sizes = range(index + 1, len(self.tree) + 1)
        proven = [s for s in sizes if verify_leaf_inclusion(entry, index, s, path, self.tree.root(s))]
        require(proven != [], "case", f"{case}/proof", "right for no size of the log")
        self.refuses("inclusion", case, self.check_inclusion, entry, index, path, checkpoint)


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: judge.py FOLDER", file=sys.stderr)
        return 2
    try:
        summary = Judge(Path(sys.argv[1])).judge()
    except Refused as e:
        print(f"judge.py: FAILED: {e}", file=sys.stderr)
        return 1
    packages = ", ".join(f"{name} {version(name)}" for name in ("aics-tlog", "cryptography"))
    print(f"judge.py ({packages}): {summary}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
