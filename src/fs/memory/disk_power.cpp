// Durability: what each sync keeps, and what a power cut leaves.
#include <algorithm>
#include <functional>

#include "fs/memory/disk.h"
#include "fs/memory/name_selection.h"

namespace ox::fs {
namespace {

constexpr std::uint64_t kPage = 4096;

/// A point in a log of `count` changes up to which they survive: often none or all.
std::size_t draw_point(rt::Random& random, std::size_t count) {
  const std::uint64_t number = random.next();
  switch (number % 4) {
    case 0:
      return 0;
    case 1:
      return count;
    default:
      return static_cast<std::size_t>((number / 4) % (count + 1));
  }
}

/// Takes back all changes of the file, last first, and leaves in each what it had written.
std::vector<Bytes> undo_content(Inode& file) {
  std::vector<Bytes> written(file.unsynced_content.size());
  for (std::size_t i = file.unsynced_content.size(); i-- > 0;) {
    ContentChange& change = file.unsynced_content[i];
    Bytes& content = file.content;
    if (change.length > 0) {
      const auto begin = content.begin() + static_cast<std::ptrdiff_t>(change.offset);
      written[i].assign(begin, begin + static_cast<std::ptrdiff_t>(change.length));
      std::ranges::copy(change.replaced, begin);
      content.resize(change.size_before);
    } else if (change.offset == 0) {
      content.swap(change.replaced);
    } else {
      content.resize(change.size_before);
      const std::uint64_t kept = std::min(change.offset, change.size_before);
      std::ranges::copy(change.replaced, content.begin() + static_cast<std::ptrdiff_t>(kept));
    }
  }
  return written;
}

/// Brings the pages of one write that `survives` names to the disk; true when there was any.
bool redo_write(Inode& file, const ContentChange& change, const Bytes& written,
                const std::function<bool()>& survives) {
  bool any = false;
  for (std::uint64_t at = change.offset; at < change.offset + change.length;) {
    const std::uint64_t end = std::min((at / kPage + 1) * kPage, change.offset + change.length);
    if (survives()) {
      any = true;
      file.content.resize(std::max<std::uint64_t>(file.content.size(), end));
      std::copy(written.begin() + static_cast<std::ptrdiff_t>(at - change.offset),
                written.begin() + static_cast<std::ptrdiff_t>(end - change.offset),
                file.content.begin() + static_cast<std::ptrdiff_t>(at));
    }
    at = end;
  }
  return any;
}

/// Leaves of a file's unsynced bytes what chance says; answers the oldest version of its attributes
/// that can be on the disk with them.
std::uint64_t cut_content(Inode& file, rt::Random& random) {
  if (file.unsynced_content.empty()) {
    return 0;
  }
  const std::uint64_t fate = random.next() % 4;
  if (fate == 0) {
    return file.unsynced_content.back().version;  // All of it came through.
  }
  const std::vector<Bytes> written = undo_content(file);
  const std::vector<ContentChange>& log = file.unsynced_content;
  const std::size_t sized = draw_point(random, log.size());
  const std::uint64_t size = sized == 0 ? log.front().size_before : log[sized - 1].size_after;
  std::uint64_t version = sized == 0 ? 0 : log[sized - 1].version;
  // 1: no page survives, 2: each by its own chance, 3: all.
  const auto survives = [&] { return fate == 3 || (fate == 2 && random.next() % 2 == 0); };
  for (std::size_t i = 0; i < log.size(); ++i) {
    if (log[i].length > 0) {
      if (redo_write(file, log[i], written[i], survives)) {
        version = std::max(version, log[i].version);
      }
    } else if (i < sized && log[i].size_after < file.content.size()) {
      file.content.resize(log[i].size_after);
    }
  }
  file.content.resize(size);
  return version;
}

void cut_attributes(Inode& inode, std::uint64_t oldest, rt::Random& random) {
  std::vector<const AttributesVersion*> possible;
  for (const AttributesVersion& kept : inode.unsynced_attributes) {
    if (kept.version >= oldest) {
      possible.push_back(&kept);
    }
  }
  const std::size_t drawn = draw_point(random, possible.size());
  if (drawn < possible.size()) {
    inode.attributes = possible[drawn]->attributes;
  }
}

/// A name that is on the disk has its instant there too, in all attributes that may come back.
void bring_instants(const NameOperation& operation) {
  const auto later = [&](Timestamp& instant) { instant = std::max(instant, operation.time); };
  const auto bring = [&](Inode& inode) {
    later(inode.attributes.ctime);
    for (AttributesVersion& kept : inode.unsynced_attributes) {
      later(kept.attributes.ctime);
    }
  };
  for (const NameChange& change : operation.changes) {
    bring(*change.directory);
    later(change.directory->attributes.mtime);
    for (Inode* inode : {change.before.get(), change.after.get()}) {
      if (inode != nullptr) {
        bring(*inode);
      }
    }
  }
}

void forget_changes(Inode& inode) {
  inode.unsynced_content.clear();
  inode.unsynced_attributes.clear();
}

}  // namespace

Result<void> Disk::sync_data(const Opened& opened) {
  const rt::Lock lock(mutex_);
  TRY(check_alive(opened));
  opened.inode->unsynced_content.clear();
  return {};
}

Result<void> Disk::sync(const Opened& opened) {
  const rt::Lock lock(mutex_);
  TRY(check_alive(opened));
  forget_changes(*opened.inode);
  if (opened.inode->type == NodeType::kDirectory) {
    promote_names_of(*opened.inode);
  }
  return {};
}

void Disk::promote_names_of(const Inode& directory) {
  const std::vector<bool> selected = select_for_sync(unsynced_names_, directory);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < unsynced_names_.size(); ++i) {
    if (selected[i]) {
      bring_instants(unsynced_names_[i]);
    } else if (i == kept) {
      ++kept;
    } else {
      unsynced_names_[kept++] = std::move(unsynced_names_[i]);
    }
  }
  unsynced_names_.resize(kept);
}

void Disk::forget_unsynced() {
  unsynced_names_.clear();
  for (const InodePtr& inode : dirty_) {
    forget_changes(*inode);
    inode->listed_dirty = false;
  }
  dirty_.clear();
}

Result<void> Disk::sync_all(const Opened& opened) {
  const rt::Lock lock(mutex_);
  TRY(check_alive(opened));
  if (options_.sync_whole == Support::kYes) {
    forget_unsynced();
  }
  return {};
}

void Disk::undo_names(rt::Random& random) {
  const std::size_t survivors = draw_point(random, unsynced_names_.size());
  std::unordered_set<InodePtr> concerned;
  for (std::size_t i = unsynced_names_.size(); i-- > survivors;) {
    NameOperation& operation = unsynced_names_[i];
    for (auto change = operation.changes.rbegin(); change != operation.changes.rend(); ++change) {
      if (change->before == nullptr) {
        change->directory->entries.erase(change->name);
      } else {
        change->directory->entries.insert_or_assign(change->name, change->before);
      }
      concerned.insert({change->directory, change->before, change->after});
    }
  }
  recount();
  // What has no name any more must not hold others, least of all in a circle.
  for (const InodePtr& inode : concerned) {
    if (inode != nullptr && inode->names == 0) {
      inode->entries.clear();
    }
  }
  for (std::size_t i = 0; i < survivors; ++i) {
    bring_instants(unsynced_names_[i]);
  }
}

// Counts names, numbers and bytes anew from what can be reached.
void Disk::recount() {
  used_bytes_ = 0;
  free_numbers_.clear();
  std::set<std::uint64_t> taken{root_->number};
  for (const NameOperation& operation : unsynced_names_) {
    for (const NameChange& change : operation.changes) {
      for (const InodePtr& inode : {change.directory, change.before, change.after}) {
        if (inode != nullptr) {
          inode->names = inode == root_ ? 1 : 0;
          inode->numbered = false;
        }
      }
    }
  }
  std::vector<Inode*> pending{root_.get()};
  std::unordered_set<const Inode*> seen;
  root_->numbered = true;
  while (!pending.empty()) {
    Inode& directory = *pending.back();
    pending.pop_back();
    directory.subdirectories = 0;
    for (const auto& [name, inode] : directory.entries) {
      if (seen.insert(inode.get()).second) {
        inode->names = 0;
        inode->numbered = true;
        used_bytes_ += inode->content.size();
        expects(taken.insert(inode->number).second);
      }
      ++inode->names;
      if (inode->type == NodeType::kDirectory) {
        expects(inode->names == 1);
        ++directory.subdirectories;
        inode->parent = &directory;
        pending.push_back(inode.get());
      }
    }
  }
  for (std::uint64_t number = kFirstNumber; number < next_number_; ++number) {
    if (!taken.contains(number)) {
      free_numbers_.insert(number);
    }
  }
}

void Disk::end_generation() {
  ++generation_;
  std::unordered_set<InodePtr> opened;
  opened.swap(opened_);
  for (const InodePtr& inode : opened) {
    inode->handles = inode->writers = inode->leases = 0;
    release_if_unused(*inode);
  }
}

void Disk::power_cut(rt::Random& random) {
  const rt::Lock lock(mutex_);
  end_generation();
  for (const InodePtr& inode : dirty_) {
    cut_attributes(*inode, cut_content(*inode, random), random);
  }
  undo_names(random);
  forget_unsynced();
}

void Disk::crash() {
  const rt::Lock lock(mutex_);
  end_generation();
}

std::size_t Disk::unsynced_names() {
  const rt::Lock lock(mutex_);
  return unsynced_names_.size();
}

}  // namespace ox::fs
