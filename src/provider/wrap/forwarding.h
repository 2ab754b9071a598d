#pragma once

#include <memory>
#include <utility>

#include "provider/provider.h"

/// The bases of decorators: every call goes to the inner object unless it is overridden. A new
/// function of an interface must be forwarded here, so that no wrapper can swallow it.
namespace ox::provider {

class ForwardingSource : public Source {
 public:
  explicit ForwardingSource(std::unique_ptr<Source> inner) : inner_(std::move(inner)) {}
  std::uint64_t size() const override { return inner_->size(); }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    return inner_->read_at(offset, into);
  }
  Result<void> verify_unchanged() override { return inner_->verify_unchanged(); }
  const tree::Fingerprint& fingerprint() const override { return inner_->fingerprint(); }
  Result<std::vector<Xattr>> xattrs() override { return inner_->xattrs(); }
  void* native_handle(const std::type_info& type) override { return inner_->native_handle(type); }

 protected:
  Source& inner() { return *inner_; }

 private:
  std::unique_ptr<Source> inner_;
};

class ForwardingBatch : public Batch {
 public:
  explicit ForwardingBatch(std::unique_ptr<Batch> inner) : inner_(std::move(inner)) {}
  Result<Staged> stage(const StageRequest& request, std::stop_token stop) override {
    return inner_->stage(request, std::move(stop));
  }
  void discard(const Staged& staged) override { inner_->discard(staged); }
  Result<Reach> make_durable() override { return inner_->make_durable(); }
  Result<Digest> read_back(const Staged& staged, std::stop_token stop) override {
    return inner_->read_back(staged, std::move(stop));
  }
  Result<Published> publish(const Staged& staged, const RelPath& path,
                            const Precondition& precondition, const TrashFolder& trash) override {
    return inner_->publish(staged, path, precondition, trash);
  }
  Result<void> settle() override { return inner_->settle(); }

 protected:
  Batch& inner() { return *inner_; }

 private:
  std::unique_ptr<Batch> inner_;
};

class ForwardingFeed : public ChangeFeed {
 public:
  explicit ForwardingFeed(std::unique_ptr<ChangeFeed> inner) : inner_(std::move(inner)) {}
  Result<std::vector<Change>> wait(std::chrono::milliseconds timeout) override {
    return inner_->wait(timeout);
  }
  void interrupt() override { inner_->interrupt(); }

 protected:
  ChangeFeed& inner() { return *inner_; }

 private:
  std::unique_ptr<ChangeFeed> inner_;
};

class ForwardingProvider : public Provider {
 public:
  explicit ForwardingProvider(std::unique_ptr<Provider> inner) : inner_(std::move(inner)) {}

  const Capabilities& capabilities() const override { return inner_->capabilities(); }
  Result<std::vector<tree::Entry>> list(const RelPath& directory, const tree::Fingerprint* expected,
                                        std::stop_token stop) override {
    return inner_->list(directory, expected, std::move(stop));
  }
  Result<tree::Entry> look(const RelPath& path) override { return inner_->look(path); }
  Result<std::unique_ptr<Source>> open(const RelPath& path,
                                       const tree::Fingerprint* expected) override {
    return inner_->open(path, expected);
  }
  Result<std::unique_ptr<Batch>> begin_batch() override { return inner_->begin_batch(); }
  Result<tree::Entry> make_directory(const RelPath& path,
                                     std::optional<tree::Attributes> attributes) override {
    return inner_->make_directory(path, attributes);
  }
  Result<tree::Entry> move(const RelPath& from, const RelPath& to,
                           const tree::Fingerprint& expected) override {
    return inner_->move(from, to, expected);
  }
  Result<std::pair<tree::Entry, tree::Entry>> exchange(const RelPath& a,
                                                       const RelPath& b) override {
    return inner_->exchange(a, b);
  }
  Result<void> park(const RelPath& path, const tree::Fingerprint& expected,
                    std::string_view name) override {
    return inner_->park(path, expected, name);
  }
  Result<tree::Entry> unpark(std::string_view name, const RelPath& path) override {
    return inner_->unpark(name, path);
  }
  Result<std::vector<std::string>> parked() override { return inner_->parked(); }
  Result<tree::Entry> finish_move(const RelPath& from, const RelPath& to) override {
    return inner_->finish_move(from, to);
  }
  Result<tree::Entry> finish_unpark(std::string_view name, const RelPath& path) override {
    return inner_->finish_unpark(name, path);
  }
  Result<void> show_parked(std::map<RelPath, std::string> places) override {
    return inner_->show_parked(std::move(places));
  }
  Result<tree::Entry> set_attributes(const RelPath& path, const tree::Fingerprint& expected,
                                     const tree::Attributes& attributes,
                                     std::optional<Timestamp> mtime,
                                     Source* xattr_source) override {
    return inner_->set_attributes(path, expected, attributes, mtime, xattr_source);
  }
  Result<std::optional<Trashed>> remove(const RelPath& path, const tree::Fingerprint& expected,
                                        const TrashFolder& trash) override {
    return inner_->remove(path, expected, trash);
  }
  Result<void> make_durable() override { return inner_->make_durable(); }
  Result<std::optional<RootIdentity>> read_identity(std::string_view rule) override {
    return inner_->read_identity(rule);
  }
  Result<void> write_identity(const RootIdentity& identity) override {
    return inner_->write_identity(identity);
  }
  Result<tree::Entry> look_trashed(const RelPath& trash_path) override {
    return inner_->look_trashed(trash_path);
  }
  Result<std::unique_ptr<Source>> open_trashed(const RelPath& trash_path) override {
    return inner_->open_trashed(trash_path);
  }
  Result<tree::Entry> restore_trashed(const RelPath& trash_path, const RelPath& path) override {
    return inner_->restore_trashed(trash_path, path);
  }
  Result<void> purge_trashed(const RelPath& trash_path) override {
    return inner_->purge_trashed(trash_path);
  }
  Result<std::vector<TrashItem>> list_trash() override { return inner_->list_trash(); }
  Result<std::uint64_t> sweep() override { return inner_->sweep(); }
  Result<std::unique_ptr<ChangeFeed>> watch() override { return inner_->watch(); }
  Result<std::optional<std::uint64_t>> free_bytes() override { return inner_->free_bytes(); }

 protected:
  Provider& inner() { return *inner_; }

 private:
  std::unique_ptr<Provider> inner_;
};

}  // namespace ox::provider
