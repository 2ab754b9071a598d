"""What must hold, told from the user's deeds and the folders alone. It shares nothing with the engine.

A text *lives* until its user, who had it before him, replaces or deletes it. What the user removes goes by a
rename into a bin beside the root, so that the oracle knows to the byte what he removed, whatever the engine
put in that place a moment before. A dead text may still stand somewhere; a living one must.
"""

import collections
import os
import stat

import lab
import texts

NOTHING_DONE = ("created", "updated", "moved", "removed", "directories", "attributes")


class Oracle:
    def __init__(self):
        self.count = 0
        self.living = set()
        self.cut_by_user = {}  # token -> size: a full disk took part of the user's own write
        self.settled = set()  # stood everywhere when all was in sync, and no user has touched it since
        self.deleted = {}  # of these, what one user deleted: token -> what he did

    # What the users do --------------------------------------------------------------------------

    def next_token(self):
        self.count += 1
        return self.count

    def wrote(self, token):
        self.living.add(token)

    def gave_up(self, tokens):
        self.living -= tokens

    def was_cut(self, token, size):
        self.cut_by_user[token] = size

    def touched(self, tokens):
        """Whoever edits, renames or chmods opposes a delete that another makes before they have met."""
        self.settled -= tokens
        for token in tokens:
            self.deleted.pop(token, None)

    def deleted_one(self, tokens, deed):
        self.gave_up(tokens)
        for token in tokens & self.settled:
            self.deleted[token] = deed
        self.settled -= tokens

    def deletes_may_be_undone(self):
        """Where a run failed for want of room or rights, the next may be a union."""
        self.deleted = {}
        self.settled = set()

    def all_in_sync(self, root):
        """Of two that hold the same text, which may be (delete against chmod), one may be deleted and the other not."""
        standing = collections.Counter(texts.tokens_below(root))
        self.deleted = {}
        self.settled = {token for token, times in standing.items() if times == 1}

    # What must hold at any moment ---------------------------------------------------------------

    def torn(self, roots):
        """Names that hold what nobody wrote, though someone may be at work there."""
        for root in roots:
            for name in texts.below(root):
                what = texts.read(name)
                if what is not None and not self._is_known(what):
                    yield f"{os.fsdecode(name)} holds what nobody wrote: {what[:80]!r}, {len(what)} bytes"

    def _is_known(self, what):
        if isinstance(what, str):
            return (texts.token_of_link(what) or self.count + 1) <= self.count
        token = texts.token_of(what)
        if token is not None:
            return token <= self.count
        return any(texts.make(cut, size).startswith(what) for cut, size in self.cut_by_user.items())

    def lost(self, roots):
        """Living texts that stand in no tree, no trash and no stage."""
        found = set()
        for root in roots:
            found |= texts.tokens_in(root, own=True)
        for token in sorted(self.living - found):
            yield f"text {token} is lost: nobody who had seen it replaced or deleted it"

    # What must hold once all trouble is over ----------------------------------------------------

    def hidden(self, roots):
        """Living texts that no tree shows. The trash has them, yet whoever wrote them has to find them without it."""
        found = set()
        for root in roots:
            found |= texts.tokens_in(root)
        for token in sorted(self.living - found):
            yield f"text {token} stands in no tree: it was put away, and nobody who had seen it did that"

    def came_back(self, roots):
        for root in roots:
            for token in sorted(set(self.deleted) & texts.tokens_in(root)):
                yield f"text {token} stands in {root}, but: {self.deleted[token]}"


def leftovers(roots):
    """What is staged still. The clock file of a rule stays; so may a part of a large file, for a week."""
    for root in roots:
        for name in texts.below(os.path.join(root, ".syncoxiders", "stage"), own=True):
            base = os.path.basename(name)
            is_rule = os.path.basename(os.path.dirname(name)) == b"stage"
            if not is_rule and base != b"clock" and not base.startswith(b"resume-"):
                yield f"{os.fsdecode(name)} was left behind"


def different(roots, step_ns, with_modes):
    """How the other roots differ from the first; times may by the step of the coarsest disk."""
    trees = [lab.tree(root) for root in roots]
    for root, tree in zip(roots[1:], trees[1:]):
        for path in sorted(set(trees[0]) | set(tree)):
            one, other = trees[0].get(path), tree.get(path)
            if not _alike(one, other, step_ns, with_modes):
                yield f"{os.fsdecode(path)}: {one} in {roots[0]}, {other} in {root}"


def _alike(one, other, step_ns, with_modes):
    if one is None or other is None or one[0] != other[0]:
        return False
    if one[0] == "link":
        return one == other
    if with_modes and one[1] != other[1]:
        return False
    return one[0] != "file" or (one[3] == other[3] and abs(one[2] - other[2]) < max(step_ns, 1))


def stirred(before, after, summary):
    """What a run did that had nothing to do."""
    for root in before:
        if before[root] != after[root]:
            changed = {path for path, _ in before[root].items() ^ after[root].items()}
            yield f"a run with nothing to do changed {sorted(changed)[:5]} in {root}"
    done = {what: summary[what] for what in NOTHING_DONE if summary.get(what)}
    if done:
        yield f"a run with nothing to do says that it did {done}"


def is_regular(path):
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False
