// Judges a folder of a log's checkpoints and proofs with Go's golang.org/x/mod/sumdb/note and tlog. README.md names the
// files.
//
// The packages verify signed notes, inclusion and consistency, and compute the roots. They know no cosignatures: the type
// cosigner here gives note.Open the message of C2SP's tlog-cosignature, and crypto/ed25519 verifies it.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// What is wrong. A case of refused/ is right when its own reason refuses it.
var (
	errCase        = errors.New("case")
	errConsistency = errors.New("consistency")
	errFormat      = errors.New("format")
	errInclusion   = errors.New("inclusion")
	errMissing     = errors.New("missing")
	errOrigin      = errors.New("origin")
	errQuorum      = errors.New("quorum")
	errRoot        = errors.New("root")
	errSignature   = errors.New("signature")
)

// The file's name and what is wrong with it, for a panic: every check ends at the first problem.
type refused struct {
	reason error
	text   string
}

func require(condition bool, reason error, name, format string, args ...any) {
	if !condition {
		panic(refused{reason, name + ": " + fmt.Sprintf(format, args...)})
	}
}

// The refusal that check ends with, or nil.
func refusal(check func()) (found *refused) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(refused)
			if !ok {
				panic(r)
			}
			found = &e
		}
	}()
	check()
	return nil
}

// A verifier of cosignature/v1, signature type 4.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }

func (c *cosigner) Verify(text, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	time := binary.BigEndian.Uint64(sig)
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", time, text)
	return 0 < time && time <= math.MaxInt64 && ed25519.Verify(c.key, []byte(message), sig[8:])
}

type checkpoint struct {
	tlog.Tree
	signatures   []note.Signature
	cosignatures int
}

type judge struct {
	folder, origin  string
	logKey, witness note.Verifier
	entries         [][]byte
	stored          hashes
}

// Hashes in the order of tlog.StoredHashIndex.
type hashes []tlog.Hash

func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index >= int64(len(h)) {
			return nil, fmt.Errorf("no hash %d", index)
		}
		found[i] = h[index]
	}
	return found, nil
}

func store(entries [][]byte) hashes {
	var stored hashes
	for i, entry := range entries {
		more, err := tlog.StoredHashes(int64(i), entry, stored)
		if err != nil {
			panic(err)
		}
		stored = append(stored, more...)
	}
	return stored
}

func (h hashes) root(size int64) tlog.Hash {
	if size == 0 {
		// RFC 6962's. tlog has zeros.
		return sha256.Sum256(nil)
	}
	root, err := tlog.TreeHash(size, h)
	if err != nil {
		panic(err)
	}
	return root
}

func (j *judge) read(name string) []byte {
	data, err := os.ReadFile(filepath.Join(j.folder, name))
	require(err == nil, errMissing, name, "%v", err)
	return data
}

func (j *judge) line(name string) string {
	text := string(j.read(name))
	require(text != "" && strings.Index(text, "\n") == len(text)-1, errFormat, name, "not one line")
	return text[:len(text)-1]
}

func (j *judge) names(name string) []string {
	found, err := os.ReadDir(filepath.Join(j.folder, name))
	require(err == nil, errMissing, name, "%v", err)
	require(len(found) > 0, errMissing, name, "empty")
	var names []string
	for _, file := range found {
		names = append(names, file.Name())
	}
	return names
}

// The names of a folder's files without the suffix, which are numbers, in their order.
func (j *judge) numbers(name, suffix string) []int64 {
	var numbers []int64
	for _, file := range j.names(name) {
		require(strings.HasSuffix(file, suffix), errFormat, name+"/"+file, "not of the folder")
		numbers = append(numbers, decimal(strings.TrimSuffix(file, suffix), name+"/"+file))
	}
	sort.Slice(numbers, func(a, b int) bool { return numbers[a] < numbers[b] })
	return numbers
}

func decimal(text, name string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	require(err == nil && n >= 0 && strconv.FormatInt(n, 10) == text, errFormat, name, "not a decimal: %q", text)
	return n
}

func (j *judge) cosigner(name string) note.Verifier {
	parts := strings.SplitN(j.line(name), "+", 3)
	require(len(parts) == 3, errFormat, name, "not a vkey")
	hash, err1 := strconv.ParseUint(parts[1], 16, 32)
	key, err2 := base64.StdEncoding.DecodeString(parts[2])
	right := err1 == nil && err2 == nil && len(parts[1]) == 8 && len(key) == 1+ed25519.PublicKeySize && key[0] == 4
	require(right, errFormat, name, "not a vkey of type 4")
	sum := sha256.Sum256([]byte(parts[0] + "\n" + string(key)))
	require(binary.BigEndian.Uint32(sum[:]) == uint32(hash), errFormat, name, "not the key's id")
	return &cosigner{parts[0], uint32(hash), key[1:]}
}

// The verified checkpoint. A cosignature by the witness has to be right even where none is needed.
func (j *judge) checkpoint(data []byte, name string, logKey note.Verifier, quorum int) checkpoint {
	opened, err := note.Open(data, note.VerifierList(logKey, j.witness))
	require(err == nil, errSignature, name, "%v", err)
	var found checkpoint
	signed := false
	for _, sig := range opened.Sigs {
		if sig.Name == logKey.Name() && sig.Hash == logKey.KeyHash() {
			signed = true
		} else {
			found.cosignatures++
		}
	}
	require(signed, errSignature, name, "not signed by %s", logKey.Name())
	origin, rest, _ := strings.Cut(opened.Text, "\n")
	require(origin == j.origin, errOrigin, name, "of the origin %q, not %q", origin, j.origin)
	// tlog reads the tree of one origin only.
	found.Tree, err = tlog.ParseTree([]byte("go.sum database tree\n" + rest))
	require(err == nil, errFormat, name, "%v", err)
	// ParseTree skips the rest.
	for _, line := range strings.Split(strings.TrimSuffix(rest, "\n"), "\n") {
		require(line != "", errFormat, name, "an empty line")
	}
	require(found.cosignatures >= quorum, errQuorum, name, "%d cosignatures of %d", found.cosignatures, quorum)
	found.signatures = append(opened.Sigs, opened.UnverifiedSigs...)
	return found
}

func linesAndNote(data []byte, name string) ([]string, []byte) {
	head, signed, found := bytes.Cut(data, []byte("\n\n"))
	require(found, errFormat, name, "no empty line before a checkpoint")
	return strings.Split(string(head), "\n"), signed
}

// The number of the first line, which begins with the word, and the hashes of the others.
func numberAndHashes(lines []string, word, name string) (int64, []tlog.Hash) {
	require(len(lines) > 0 && strings.HasPrefix(lines[0], word+" "), errFormat, name, "no %s", word)
	number := decimal(strings.TrimPrefix(lines[0], word+" "), name)
	var found []tlog.Hash
	for _, line := range lines[1:] {
		hash, err := tlog.ParseHash(line)
		require(err == nil && hash.String() == line, errFormat, name, "not a hash: %q", line)
		found = append(found, hash)
	}
	// RFC 6962 with 64-bit sizes needs no more; tlog-witness says so of consistency proofs.
	require(len(found) <= 63, errFormat, name, "%d hashes", len(found))
	return number, found
}

func (j *judge) proof(name string) (int64, tlog.RecordProof, []byte) {
	lines, signed := linesAndNote(j.read(name), name)
	require(lines[0] == "c2sp.org/tlog-proof@v1", errFormat, name, "not a tlog-proof")
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	index, path := numberAndHashes(lines, "index", name)
	return index, path, signed
}

func (j *judge) body(name string) (int64, tlog.TreeProof, []byte) {
	lines, signed := linesAndNote(j.read(name), name)
	old, path := numberAndHashes(lines, "old", name)
	return old, path, signed
}

func (j *judge) checkRoot(c checkpoint, name string) {
	require(c.N <= int64(len(j.entries)), errRoot, name, "of %d entries, the log has fewer", c.N)
	checkEntries(c, j.stored, c.N, name)
}

func checkEntries(c checkpoint, stored hashes, size int64, name string) {
	require(c.Hash == stored.root(size), errRoot, name, "not the root of the %d entries", size)
}

func checkInclusion(entry []byte, index int64, path tlog.RecordProof, c checkpoint, name string) {
	err := tlog.CheckRecord(path, c.N, c.Hash, index, tlog.RecordHash(entry))
	require(err == nil, errInclusion, name, "entry %d in the tree of size %d: %v", index, c.N, err)
}

func checkConsistency(old int64, root tlog.Hash, path tlog.TreeProof, c checkpoint, name string) {
	if old == 0 {
		// CheckTree knows no empty tree, which is a prefix of every tree.
		require(len(path) == 0, errConsistency, name, "%d hashes from the empty tree", len(path))
		return
	}
	err := tlog.CheckTree(path, c.N, c.Hash, old, root)
	require(err == nil, errConsistency, name, "size %d as a prefix of size %d: %v", old, c.N, err)
}

func (j *judge) judge() string {
	var err error
	j.logKey, err = note.NewVerifier(j.line("log.vkey"))
	require(err == nil, errFormat, "log.vkey", "%v", err)
	j.witness = j.cosigner("witness.vkey")
	j.origin = j.line("origin")

	newestNote := j.read("checkpoint")
	newest := j.checkpoint(newestNote, "checkpoint", j.logKey, 1)
	positions := j.numbers("entries", "")
	for i, position := range positions {
		require(int64(i) == position, errMissing, "entries", "no entry %d", i)
		j.entries = append(j.entries, j.read(fmt.Sprintf("entries/%d", position)))
	}
	require(int64(len(positions)) == newest.N, errMissing, "entries", "%d, not %d", len(positions), newest.N)
	j.stored = store(j.entries)
	j.checkRoot(newest, "checkpoint")

	earlier := map[int64]checkpoint{}
	for _, size := range j.numbers("checkpoints", "") {
		name := fmt.Sprintf("checkpoints/%d", size)
		found := j.checkpoint(j.read(name), name, j.logKey, 0)
		require(found.N == size && size < newest.N, errFormat, name, "of size %d", found.N)
		j.checkRoot(found, name)
		earlier[size] = found
	}

	proofs := j.numbers("inclusion", ".tlog-proof")
	inclusionHashes := 0
	for i, position := range proofs {
		require(int64(i) == position, errMissing, "inclusion", "no proof of entry %d", i)
		name := fmt.Sprintf("inclusion/%d.tlog-proof", position)
		index, path, proven := j.proof(name)
		require(index == position && index < newest.N, errFormat, name, "of entry %d", index)
		require(bytes.Equal(proven, newestNote), errFormat, name, "does not end with the newest checkpoint")
		checkInclusion(j.entries[index], index, path, newest, name)
		inclusionHashes += len(path)
	}
	require(len(proofs) == len(positions), errMissing, "inclusion", "%d, not %d", len(proofs), len(positions))

	proven := map[int64]bool{}
	consistency := j.names("consistency")
	consistencyHashes := 0
	for _, pair := range consistency {
		name := "consistency/" + pair
		old, path, data := j.body(name)
		c := j.checkpoint(data, name, j.logKey, 0)
		require(pair == fmt.Sprintf("%d-%d", old, c.N), errFormat, name, "from %d to %d", old, c.N)
		j.checkRoot(c, name)
		// Every log begins with the empty tree, signed or not.
		from, found := earlier[old]
		missing := fmt.Sprintf("checkpoints/%d", old)
		require(old == 0 || found, errMissing, missing, "the old checkpoint of %s", name)
		checkConsistency(old, from.Hash, path, c, name)
		proven[old] = true
		consistencyHashes += len(path)
	}
	for size := range earlier {
		require(proven[size], errMissing, "consistency", "no proof from size %d", size)
	}
	// Of trees so small, no proof has a hash, and no hash was checked.
	require(inclusionHashes > 0, errMissing, "inclusion", "no proof has a hash")
	require(consistencyHashes > 0, errMissing, "consistency", "no proof has a hash")

	cases := []struct {
		name  string
		check func(string)
	}{
		{"changed-entry", j.changedEntry},
		{"dropped-entry", j.droppedEntry},
		{"forked-log", j.forkedLog},
		{"other-origin", j.otherOrigin},
		{"other-size", j.otherSize},
		{"unknown-witness", j.unknownWitness},
	}
	names := j.names("refused")
	for i, c := range cases {
		require(i < len(names) && names[i] == c.name, errMissing, "refused/"+c.name, "no such case")
	}
	require(len(names) == len(cases), errMissing, "refused", "more than the known cases")
	for _, c := range cases {
		c.check("refused/" + c.name)
	}
	return fmt.Sprintf("%d checkpoints of up to %d entries, %d cosignature, %d inclusion proofs of %d hashes, "+
		"%d consistency proofs of %d hashes, %d cases refused", 1+len(earlier), newest.N, newest.cosignatures,
		len(proofs), inclusionHashes, len(consistency), consistencyHashes, len(cases))
}

// The refused cases. Each first shows that all the rest of it is right, so only its own reason is left to refuse it.

func refuses(reason error, name string, check func()) {
	found := refusal(check)
	require(found != nil, errCase, name, "accepted, against its %v", reason)
	require(found.reason == reason, errCase, name, "refused for the %v, not the %v: %s", found.reason, reason, found.text)
	fmt.Printf("judge.go: refuses %s\n", found.text)
}

func (j *judge) changedEntry(name string) {
	entry := j.read(name + "/entry")
	index, path, data := j.proof(name + "/proof")
	c := j.checkpoint(data, name+"/proof", j.logKey, 0)
	require(index < int64(len(j.entries)), errCase, name+"/proof", "of no entry of the log")
	checkInclusion(j.entries[index], index, path, c, name+"/proof")
	require(!bytes.Equal(entry, j.entries[index]), errCase, name+"/entry", "the entry is unchanged")
	refuses(errInclusion, name, func() { checkInclusion(entry, index, path, c, name) })
}

func (j *judge) droppedEntry(name string) {
	c := j.checkpoint(j.read(name+"/checkpoint"), name+"/checkpoint", j.logKey, 0)
	j.checkRoot(c, name+"/checkpoint")
	var left [][]byte
	for _, position := range j.numbers(name+"/entries", "") {
		left = append(left, j.read(fmt.Sprintf("%s/entries/%d", name, position)))
	}
	require(int64(len(left)) == c.N-1, errCase, name+"/entries", "%d of %d", len(left), c.N)
	dropped := 0
	for i, entry := range left {
		if dropped == 0 && !bytes.Equal(entry, j.entries[i]) {
			dropped = 1
		}
		require(bytes.Equal(entry, j.entries[i+dropped]), errCase, name+"/entries", "not the log's without one")
	}
	refuses(errRoot, name, func() { checkEntries(c, store(left), int64(len(left)), name) })
}

func (j *judge) forkedLog(name string) {
	old := j.checkpoint(j.read(name+"/old"), name+"/old", j.logKey, 0)
	j.checkRoot(old, name+"/old")
	size, path, data := j.body(name + "/consistency")
	c := j.checkpoint(data, name+"/consistency", j.logKey, 0)
	require(0 < size && size == old.N && size <= c.N, errCase, name+"/consistency", "from %d, old is %d", size, old.N)
	// The count depends on the sizes only. A proof of another count would be refused for it.
	zeros := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) { return make([]tlog.Hash, len(indexes)), nil })
	right, err := tlog.ProveTree(c.N, size, zeros)
	require(err == nil && len(path) == len(right), errCase, name+"/consistency", "%d hashes, not %d", len(path), len(right))
	fork := j.checkpoint(j.read(name+"/fork"), name+"/fork", j.logKey, 0)
	require(fork.N == size, errCase, name+"/fork", "of size %d, not %d", fork.N, size)
	checkConsistency(size, fork.Hash, path, c, name+"/consistency")
	refuses(errConsistency, name, func() { checkConsistency(size, old.Hash, path, c, name) })
}

func (j *judge) otherOrigin(name string) {
	data := j.read(name + "/checkpoint")
	// The log's key may sign under its name or, as tlog-checkpoint advises, under the checkpoint's origin.
	signer := j.logKey
	if _, err := note.Open(data, note.VerifierList(signer)); err != nil {
		other, _, _ := strings.Cut(string(data), "\n")
		vkey := j.line("log.vkey")
		key, err := base64.StdEncoding.DecodeString(strings.SplitN(vkey, "+", 3)[2])
		require(err == nil, errFormat, "log.vkey", "%v", err)
		vkey, err = note.NewEd25519VerifierKey(other, key[1:])
		require(err == nil, errFormat, name+"/checkpoint", "%v", err)
		signer, err = note.NewVerifier(vkey)
		require(err == nil, errFormat, name+"/checkpoint", "%v", err)
	}
	_, err := note.Open(data, note.VerifierList(signer, j.witness))
	require(err == nil, errCase, name+"/checkpoint", "not signed by the log's key: %v", err)
	refuses(errOrigin, name, func() { j.checkpoint(data, name, signer, 0) })
}

func (j *judge) unknownWitness(name string) {
	data := j.read(name + "/checkpoint")
	c := j.checkpoint(data, name+"/checkpoint", j.logKey, 0)
	j.checkRoot(c, name+"/checkpoint")
	cosignatures := 0
	for _, sig := range c.signatures {
		// A key's id, a time and an Ed25519 signature.
		if raw, err := base64.StdEncoding.DecodeString(sig.Base64); err == nil && len(raw) == 4+8+ed25519.SignatureSize {
			cosignatures++
		}
	}
	require(cosignatures > 0, errCase, name+"/checkpoint", "no cosignature")
	_, err := note.Open(data, note.VerifierList(j.cosigner(name+"/witness.vkey")))
	require(err == nil, errCase, name+"/checkpoint", "by its own witness: %v", err)
	refuses(errQuorum, name, func() { j.checkpoint(data, name, j.logKey, 1) })
}

func (j *judge) otherSize(name string) {
	entry := j.read(name + "/entry")
	index, path, data := j.proof(name + "/proof")
	c := j.checkpoint(data, name+"/proof", j.logKey, 0)
	j.checkRoot(c, name+"/proof")
	require(index < c.N, errCase, name+"/proof", "of no entry of the tree")
	require(bytes.Equal(entry, j.entries[index]), errCase, name+"/entry", "not the entry of the proof")
	proven := false
	for size := index + 1; size <= int64(len(j.entries)); size++ {
		proven = proven || tlog.CheckRecord(path, size, j.stored.root(size), index, tlog.RecordHash(entry)) == nil
	}
	require(proven, errCase, name+"/proof", "right for no size of the log")
	refuses(errInclusion, name, func() { checkInclusion(entry, index, path, c, name) })
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: judge.go FOLDER")
		os.Exit(2)
	}
	j := &judge{folder: os.Args[1]}
	var summary string
	if found := refusal(func() { summary = j.judge() }); found != nil {
		fmt.Fprintf(os.Stderr, "judge.go: FAILED: %s\n", found.text)
		os.Exit(1)
	}
	fmt.Printf("judge.go (%s): %s\n", runtime.Version(), summary)
}
