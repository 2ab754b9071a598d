#include "sync/undo_places.h"

#include <utility>

namespace ox::sync {

namespace {

bool same_mode(const tree::Entry& a, const tree::Entry& b) {
  return a.attributes.mode == tree::kModeUnknown || b.attributes.mode == tree::kModeUnknown ||
         a.attributes.mode == b.attributes.mode;
}

}  // namespace

RelPath moved_path(const RelPath& path, const RelPath& from, const RelPath& to) {
  if (path == from) {
    return to;
  }
  // Both are valid, and what follows "from/" is a valid path of its own.
  const auto below = RelPath::parse(path.text().substr(from.text().size() + 1));
  return to.join(*below);
}

bool is_still(const tree::Entry& then, const tree::Entry& now) {
  if (then.kind != now.kind || !same_mode(then, now)) {
    return false;
  }
  const tree::Fingerprint& before = then.fingerprint;
  const tree::Fingerprint& after = now.fingerprint;
  if (then.kind == tree::Kind::kDirectory) {
    return before.id == 0 || after.id == 0 || before.same_object(after);
  }
  if (before.ctime.ns == 0 && !before.revision.empty() && before.revision != after.revision) {
    return false;
  }
  return before.size == after.size && before.mtime == after.mtime;
}

bool has_same_content(const tree::Entry& then, const tree::Entry& now) {
  return then.kind == now.kind && then.fingerprint.size == now.fingerprint.size &&
         then.fingerprint.mtime == now.fingerprint.mtime;
}

const tree::Entry* UndoPlaces::find(const RelPath& path) const {
  const auto found = entries_.find(path);
  return found == entries_.end() ? nullptr : &found->second;
}

void UndoPlaces::put(const RelPath& path, const tree::Entry& entry) {
  entries_.insert_or_assign(path, entry);
}

void UndoPlaces::drop(const RelPath& path) {
  take(path);
}

void UndoPlaces::move(const RelPath& from, const RelPath& to, const tree::Entry& entry) {
  settle_below(from, to, take(from));
  put(to, entry);
}

void UndoPlaces::exchange(const RelPath& a, const RelPath& b, const tree::Entry& at_a,
                          const tree::Entry& at_b) {
  auto from_a = take(a);
  settle_below(b, a, take(b));
  settle_below(a, b, std::move(from_a));
  put(a, at_a);
  put(b, at_b);
}

std::map<RelPath, tree::Entry> UndoPlaces::take(const RelPath& path) {
  std::map<RelPath, tree::Entry> taken;
  for (auto at = entries_.lower_bound(path); at != entries_.end();) {
    if (!at->first.text().starts_with(path.text())) {
      break;
    }
    // "a-b" sorts between "a" and "a/b" and is none of it.
    if (path.contains(at->first)) {
      taken.insert(entries_.extract(at++));
    } else {
      ++at;
    }
  }
  return taken;
}

void UndoPlaces::settle_below(const RelPath& from, const RelPath& to,
                              std::map<RelPath, tree::Entry> taken) {
  for (auto& [path, entry] : taken) {
    entries_.insert_or_assign(moved_path(path, from, to), std::move(entry));
  }
}

}  // namespace ox::sync
