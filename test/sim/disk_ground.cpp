#include <algorithm>

#include "fs/memory/memory_fs.h"
#include "sim/ground.h"

namespace ox::sim {
namespace {

constexpr std::string_view kOwn = ".syncoxiders";
using DirectoryPtr = std::unique_ptr<fs::Directory>;

class DiskFile final : public OpenFile {
 public:
  explicit DiskFile(std::unique_ptr<fs::File> file) : file_(std::move(file)) {}
  bool write(const std::string& bytes, Ending ending) override {
    return file_->write_at(0, as_bytes_view(bytes)).ok() &&
           (ending == Ending::kKeepRest || file_->truncate(bytes.size()).ok());
  }
  bool store_mapped(const std::string& bytes) override {
    const auto now = file_->stat();
    return now.ok() && now->size == bytes.size() &&
           fs::MemoryFileSystem::store_mapped(*file_, 0, as_bytes_view(bytes)).ok();
  }
  bool sync() override { return file_->sync().ok(); }
  Identity identity() override {
    const auto stat = file_->stat();
    return stat.ok() ? Identity{stat->inode, stat->birth.value_or(Timestamp{}).ns} : Identity{};
  }

 private:
  std::unique_ptr<fs::File> file_;
};

class DiskGround final : public Ground {
 public:
  DiskGround(std::function<DirectoryPtr()> open_root, std::string rule, bool shows_writers)
      : open_root_(std::move(open_root)), rule_(std::move(rule)), shows_writers_(shows_writers) {}

  Tree look() override {
    Tree tree;
    walk(*open_root_(), "", tree);
    return tree;
  }

  std::optional<Tree> copy_out() override {
    Tree tree;
    walk(*open_root_(), "", tree, Own::kIncluded);
    return tree;
  }

  void put_back(const Tree& copy) override {
    const auto root = open_root_();
    for (const fs::DirectoryItem& item : root->list().value()) {
      expects(remove_in(*root, item.name));
    }
    for (const auto& [path, node] : copy) {
      const auto parent = directory(parent_of(path));
      const std::string name = name_of(path);
      if (node.kind == NodeKind::kDirectory) {
        expects(parent->make_directory(name, node.mode).ok());
      } else if (node.kind == NodeKind::kSymlink) {
        expects(parent->make_symlink(name, node.bytes).ok());
      } else {
        const auto file = parent->create_file(name, node.mode).value();
        expects(file->write_at(0, as_bytes_view(node.bytes)).ok());
        expects(file->set_mtime(node.mtime).ok() && file->sync().ok());
      }
      expects(parent->sync().ok());
    }
    expects(root->sync().ok());
  }

  std::vector<std::string> trash() override { return contents_below(join(own(), "trash")); }
  std::vector<std::string> private_contents() override {
    return contents_below(join(own(), "stage"));
  }

  std::vector<std::string> parked_contents() override {
    return contents_below(join(own(), "stage"), "/parked-");
  }

  std::vector<std::string> leftovers() override {
    std::vector<std::string> names;
    const auto stage = directory(own() + "/stage/" + rule_);
    if (stage == nullptr) {
      return names;
    }
    for (const fs::DirectoryItem& item : stage->list().value()) {
      if (item.name != "clock" && !item.name.starts_with("resume-")) {
        names.push_back(item.name);
      }
    }
    return names;
  }

  bool create(const std::string& path, const std::string& bytes) override {
    const auto parent = directory(parent_of(path));
    if (parent == nullptr) {
      return false;
    }
    const auto file = parent->create_file(name_of(path), 0644);
    return file.ok() && (*file)->write_at(0, as_bytes_view(bytes)).ok();
  }

  bool write_in_place(const std::string& path, const std::string& bytes) override {
    const auto file = open_for_writing(path);
    return file != nullptr && file->write(bytes, OpenFile::Ending::kCutRest);
  }

  bool write_by_replacing(const std::string& path, const std::string& bytes) override {
    const auto parent = directory(parent_of(path));
    const std::string beside = name_of(path) + ".saving";
    if (parent == nullptr) {
      return false;
    }
    {
      const auto file = parent->create_file(beside, 0644);
      if (!file.ok() || !(*file)->write_at(0, as_bytes_view(bytes)).ok()) {
        return false;
      }
    }
    return parent->rename(beside, *parent, name_of(path), fs::RenameMode::kReplace).ok();
  }

  bool make_directory(const std::string& path) override {
    const auto parent = directory(parent_of(path));
    return parent != nullptr && parent->make_directory(name_of(path), 0755).ok();
  }

  bool make_symlink(const std::string& path, const std::string& target) override {
    const auto parent = directory(parent_of(path));
    return parent != nullptr && parent->make_symlink(name_of(path), target).ok();
  }

  bool rename(const std::string& from, const std::string& to) override {
    const auto source = directory(parent_of(from));
    const auto target = directory(parent_of(to));
    return source != nullptr && target != nullptr &&
           source->rename(name_of(from), *target, name_of(to), fs::RenameMode::kReplace).ok();
  }

  bool remove(const std::string& path) override {
    const auto parent = directory(parent_of(path));
    return parent != nullptr && remove_in(*parent, name_of(path));
  }

  bool chmod(const std::string& path, std::uint32_t mode) override {
    const auto parent = directory(parent_of(path));
    return parent != nullptr && parent->set_mode(name_of(path), mode).ok();
  }

  bool touch(const std::string& path, Timestamp mtime) override {
    const auto parent = directory(parent_of(path));
    return parent != nullptr && parent->set_mtime(name_of(path), mtime).ok();
  }

  bool shows_writers() override { return shows_writers_; }
  std::unique_ptr<OpenFile> open_for_writing(const std::string& path) override {
    const auto parent = directory(parent_of(path));
    if (parent == nullptr) {
      return nullptr;
    }
    auto file = parent->open_file(name_of(path), fs::Access::kReadWrite);
    return file.ok() ? std::make_unique<DiskFile>(std::move(file).value()) : nullptr;
  }

  void sync(const std::string& path) override {
    if (const auto parent = directory(parent_of(path)); parent != nullptr) {
      if (const auto file = parent->open_file(name_of(path), fs::Access::kRead); file.ok()) {
        ignore((*file)->sync(), "a simulated disk that is whole takes it");
      }
    }
    for (std::string at = path; !at.empty();) {
      at = parent_of(at);
      if (const auto above = directory(at); above != nullptr) {
        ignore(above->sync(), "a simulated disk that is whole takes it");
      }
    }
  }

  void leave_unsynced(const std::string& path) override {
    const auto parent = directory(parent_of(path));
    if (parent == nullptr) {
      return;
    }
    if (const auto stat = parent->stat(name_of(path)); stat.ok()) {
      neglected_.emplace(stat->inode, stat->birth.value_or(Timestamp{}).ns);
    }
  }

  void leave_unsynced(OpenFile& file) override {
    const OpenFile::Identity identity = file.identity();
    neglected_.emplace(identity.id, identity.birth_ns);
  }

  std::vector<std::string> torn_by_neglect(const Tree& tree) override {
    std::vector<std::string> torn;
    for (const Tree& part : {tree, tree_below(join(own(), "trash"))}) {
      for (const auto& [path, node] : part) {
        if (node.kind == NodeKind::kFile && neglected_.contains({node.id, node.birth_ns})) {
          torn.push_back(node.bytes);
        }
      }
    }
    neglected_.clear();
    return torn;
  }

 private:
  static std::string own() { return std::string(kOwn); }
  static std::string name_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? path : path.substr(slash + 1);
  }

  DirectoryPtr directory(const std::string& path) {
    DirectoryPtr at = open_root_();
    for (std::size_t begin = 0; begin < path.size();) {
      const std::size_t end = std::min(path.find('/', begin), path.size());
      auto next = at->open_directory(path.substr(begin, end - begin));
      if (!next.ok()) {
        return nullptr;
      }
      at = std::move(next).value();
      begin = end + 1;
    }
    return at;
  }

  static std::string read(fs::Directory& directory, const fs::DirectoryItem& item) {
    if (item.stat.type == fs::NodeType::kSymlink) {
      return directory.read_symlink(item.name).value();
    }
    const auto file = directory.open_file(item.name, fs::Access::kRead).value();
    std::string bytes(item.stat.size, '\0');
    ignore(file->read_at(0, {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()}),
           "a simulated disk that is whole can be read");
    return bytes;
  }

  enum class Own : std::uint8_t { kLeftOut, kIncluded };

  static void walk(fs::Directory& directory, const std::string& path, Tree& tree,
                   Own own = Own::kLeftOut) {
    for (const fs::DirectoryItem& item : directory.list().value()) {
      if (item.name == kOwn && own == Own::kLeftOut) {
        continue;
      }
      const std::string item_path = join(path, item.name);
      Node node{.mode = item.stat.mode,
                .mtime = item.stat.mtime,
                .ctime = item.stat.ctime,
                .id = item.stat.inode,
                .birth_ns = item.stat.birth.value_or(Timestamp{}).ns};
      if (item.stat.type == fs::NodeType::kDirectory) {
        node.kind = NodeKind::kDirectory;
        walk(*directory.open_directory(item.name).value(), item_path, tree, own);
      } else {
        node.kind = item.stat.type == fs::NodeType::kSymlink ? NodeKind::kSymlink : NodeKind::kFile;
        node.bytes = read(directory, item);
      }
      tree.emplace(item_path, std::move(node));
    }
  }

  std::vector<std::string> contents_below(const std::string& path,
                                          std::string_view only_within = "") {
    std::vector<std::string> contents;
    for (const auto& [name, node] : tree_below(path)) {
      if (node.kind != NodeKind::kDirectory && name.find(only_within) != std::string::npos) {
        contents.push_back(node.bytes);
      }
    }
    return contents;
  }

  Tree tree_below(const std::string& path) {
    Tree tree;
    if (const auto below = directory(path); below != nullptr) {
      walk(*below, "", tree);
    }
    return tree;
  }

  static bool remove_in(fs::Directory& directory, const std::string& name) {
    const auto stat = directory.stat(name);
    if (!stat.ok() || stat->type != fs::NodeType::kDirectory) {
      return directory.remove_file(name).ok();
    }
    const auto inner = directory.open_directory(name).value();
    for (const fs::DirectoryItem& item : inner->list().value()) {
      if (!remove_in(*inner, item.name)) {
        return false;
      }
    }
    return directory.remove_directory(name).ok();
  }

  std::function<DirectoryPtr()> open_root_;
  std::string rule_;
  bool shows_writers_;
  std::set<std::pair<std::uint64_t, std::int64_t>> neglected_;
};

}  // namespace

std::unique_ptr<Ground> make_disk_ground(std::function<std::unique_ptr<fs::Directory>()> open_root,
                                         std::string rule, bool shows_writers) {
  return std::make_unique<DiskGround>(std::move(open_root), std::move(rule), shows_writers);
}

}  // namespace ox::sim
