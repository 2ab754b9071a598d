#pragma once

#include <memory>

#include "provider/local/local_root.h"
#include "provider/local/local_trash.h"

namespace ox::provider {

/// The provider made by make_local_provider(). Sources, batches and feeds must not outlive it.
class LocalProvider final : public Provider {
 public:
  explicit LocalProvider(std::unique_ptr<LocalRoot> root)
      : root_(std::move(root)), trash_(*root_) {}

  const Capabilities& capabilities() const override { return root_->capabilities(); }
  Result<std::vector<tree::Entry>> list(const RelPath& directory, const tree::Fingerprint* expected,
                                        std::stop_token stop) override;
  Result<tree::Entry> look(const RelPath& path) override;
  Result<std::unique_ptr<Source>> open(const RelPath& path,
                                       const tree::Fingerprint* expected) override;
  Result<std::unique_ptr<Batch>> begin_batch() override;
  Result<tree::Entry> make_directory(const RelPath& path,
                                     std::optional<tree::Attributes> attributes) override;
  Result<tree::Entry> move(const RelPath& from, const RelPath& to,
                           const tree::Fingerprint& expected) override;
  Result<std::pair<tree::Entry, tree::Entry>> exchange(const RelPath& a, const RelPath& b) override;
  Result<void> park(const RelPath& path, const tree::Fingerprint& expected,
                    std::string_view name) override;
  Result<tree::Entry> unpark(std::string_view name, const RelPath& path) override;
  Result<std::vector<std::string>> parked() override;
  Result<tree::Entry> finish_move(const RelPath& from, const RelPath& to) override;
  Result<tree::Entry> finish_unpark(std::string_view name, const RelPath& path) override;
  Result<void> show_parked(std::map<RelPath, std::string> places) override;
  Result<tree::Entry> set_attributes(const RelPath& path, const tree::Fingerprint& expected,
                                     const tree::Attributes& attributes,
                                     std::optional<Timestamp> mtime, Source* xattr_source) override;
  Result<std::optional<Trashed>> remove(const RelPath& path, const tree::Fingerprint& expected,
                                        const TrashFolder& trash) override;
  Result<void> make_durable() override { return root_->make_durable(); }
  Result<std::optional<RootIdentity>> read_identity(std::string_view rule) override;
  Result<void> write_identity(const RootIdentity& identity) override;
  Result<tree::Entry> look_trashed(const RelPath& trash_path) override;
  Result<std::unique_ptr<Source>> open_trashed(const RelPath& trash_path) override;
  Result<tree::Entry> restore_trashed(const RelPath& trash_path, const RelPath& path) override;
  Result<void> purge_trashed(const RelPath& trash_path) override;
  Result<std::vector<TrashItem>> list_trash() override { return trash_.list(); }
  Result<std::uint64_t> sweep() override;
  Result<std::unique_ptr<ChangeFeed>> watch() override;
  Result<std::optional<std::uint64_t>> free_bytes() override;

 private:
  /// The place of an entry that may be changed now.
  Result<Place> writable_place(const RelPath& path);
  enum class NewName : std::uint8_t {
    kFree,
    kOtherSpelling,  ///< both are one name here
    kPrivate,        ///< in our own folder
  };
  /// Moves what `expected` names to a free name, and back again when it was not that. Answers with
  /// what stands there then.
  Result<fs::Stat> move_checked(const Place& from, const tree::Fingerprint& expected,
                                const Place& to, NewName name);
  void tell_as_left(tree::Entry& entry, const fs::Stat& left) const;
  Result<void> change_case(const Place& from, const fs::Stat& stat, const Place& to);

  std::unique_ptr<LocalRoot> root_;
  LocalTrash trash_;
};

}  // namespace ox::provider
