#include "sim/ground.h"

namespace ox::sim {
namespace {

RelPath rel(const std::string& path) {
  return RelPath::parse(path).value();
}

class MemoryGround final : public Ground {
 public:
  explicit MemoryGround(provider::MemoryProvider& provider) : provider_(provider) {}

  Tree look() override {
    Tree tree;
    for (const auto& [path, entry] : provider_.entries()) {
      Node node{.mode = entry.attributes.mode,
                .mtime = entry.content.mtime,
                .ctime = entry.fingerprint.ctime,
                .id = entry.fingerprint.id,
                .birth_ns = entry.fingerprint.birth_ns};
      if (entry.kind == tree::Kind::kDirectory) {
        node.kind = NodeKind::kDirectory;
      } else {
        node.kind = entry.kind == tree::Kind::kSymlink ? NodeKind::kSymlink : NodeKind::kFile;
        node.bytes = provider_.content(path).value_or("");
      }
      tree.emplace(path.text(), std::move(node));
    }
    return tree;
  }
  std::optional<Tree> copy_out() override { return std::nullopt; }
  void put_back(const Tree&) override {}
  std::vector<std::string> trash() override {
    std::vector<std::string> contents;
    for (auto& [path, bytes] : provider_.trash_contents()) {
      contents.push_back(bytes);
    }
    return contents;
  }
  std::vector<std::string> private_contents() override {
    std::vector<std::string> contents;
    for (auto& [name, bytes] : provider_.parked_contents()) {
      contents.push_back(bytes);
    }
    return contents;
  }
  std::vector<std::string> parked_contents() override { return private_contents(); }
  std::vector<std::string> leftovers() override { return provider_.parked().value(); }

  bool create(const std::string& path, const std::string& bytes) override {
    return provider_.user_write(rel(path), bytes).ok();
  }
  bool write_in_place(const std::string& path, const std::string& bytes) override {
    return provider_.user_write(rel(path), bytes).ok();
  }
  bool write_by_replacing(const std::string& path, const std::string& bytes) override {
    return provider_.user_save(rel(path), bytes).ok();
  }
  bool make_directory(const std::string& path) override {
    return provider_.user_make_directory(rel(path)).ok();
  }
  bool make_symlink(const std::string& path, const std::string& target) override {
    return provider_.user_symlink(rel(path), target).ok();
  }
  bool rename(const std::string& from, const std::string& to) override {
    return provider_.user_rename(rel(from), rel(to)).ok();
  }
  bool remove(const std::string& path) override { return provider_.user_remove(rel(path)).ok(); }
  bool chmod(const std::string& path, std::uint32_t mode) override {
    return provider_.user_chmod(rel(path), mode).ok();
  }
  bool touch(const std::string& path, Timestamp mtime) override {
    return provider_.user_touch(rel(path), mtime).ok();
  }
  bool shows_writers() override { return false; }
  /// It knows files by path only, and this one may be moved before it is closed.
  std::unique_ptr<OpenFile> open_for_writing(const std::string&) override { return nullptr; }

  // A memory provider knows no power cuts.
  void sync(const std::string&) override {}
  void leave_unsynced(const std::string&) override {}
  void leave_unsynced(OpenFile&) override {}
  std::vector<std::string> torn_by_neglect(const Tree&) override { return {}; }

 private:
  provider::MemoryProvider& provider_;
};

}  // namespace

std::unique_ptr<Ground> make_memory_ground(provider::MemoryProvider& provider) {
  return std::make_unique<MemoryGround>(provider);
}

}  // namespace ox::sim
