#include "provider/wrap/fault_provider.h"

#include <utility>

#include "provider/wrap/forwarding.h"

namespace ox::provider {
namespace {

using fs::CallClass;

template <typename Call>
auto with_faults(fs::FaultPlan& plan, CallClass call_class, std::string_view name, Call call)
    -> decltype(call()) {
  const auto fault = plan.next(call_class, name);
  if (!fault.has_value()) {
    return call();
  }
  if (fault->effect == fs::Effect::kComplete) {
    ignore(call(), "the answer is what gets lost");
  }
  return fault->error;
}

class FaultySource final : public ForwardingSource {
 public:
  FaultySource(std::unique_ptr<Source> inner, std::shared_ptr<fs::FaultPlan> plan)
      : ForwardingSource(std::move(inner)), plan_(std::move(plan)) {}
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    return with_faults(*plan_, CallClass::kRead, "read_at",
                       [&] { return inner().read_at(offset, into); });
  }
  Result<void> verify_unchanged() override {
    return with_faults(*plan_, CallClass::kRead, "verify_unchanged",
                       [&] { return inner().verify_unchanged(); });
  }

 private:
  std::shared_ptr<fs::FaultPlan> plan_;
};

class FaultyBatch final : public ForwardingBatch {
 public:
  FaultyBatch(std::unique_ptr<Batch> inner, std::shared_ptr<fs::FaultPlan> plan)
      : ForwardingBatch(std::move(inner)), plan_(std::move(plan)) {}
  Result<Staged> stage(const StageRequest& request, std::stop_token stop) override {
    return with_faults(*plan_, CallClass::kWrite, "stage",
                       [&] { return inner().stage(request, stop); });
  }
  Result<Reach> make_durable() override {
    return with_faults(*plan_, CallClass::kSync, "make_durable",
                       [&] { return inner().make_durable(); });
  }
  Result<Digest> read_back(const Staged& staged, std::stop_token stop) override {
    return with_faults(*plan_, CallClass::kRead, "read_back",
                       [&] { return inner().read_back(staged, stop); });
  }
  Result<Published> publish(const Staged& staged, const RelPath& path,
                            const Precondition& precondition, const TrashFolder& trash) override {
    return with_faults(*plan_, CallClass::kNameChange, "publish",
                       [&] { return inner().publish(staged, path, precondition, trash); });
  }
  Result<void> settle() override {
    return with_faults(*plan_, CallClass::kSync, "settle", [&] { return inner().settle(); });
  }

 private:
  std::shared_ptr<fs::FaultPlan> plan_;
};

class FaultProvider final : public ForwardingProvider {
 public:
  FaultProvider(std::unique_ptr<Provider> inner, std::shared_ptr<fs::FaultPlan> plan)
      : ForwardingProvider(std::move(inner)), plan_(std::move(plan)) {}

  Result<std::vector<tree::Entry>> list(const RelPath& directory, const tree::Fingerprint* expected,
                                        std::stop_token stop) override {
    return read("list", [&] { return inner().list(directory, expected, stop); });
  }
  Result<tree::Entry> look(const RelPath& path) override {
    return read("look", [&] { return inner().look(path); });
  }
  Result<std::unique_ptr<Source>> open(const RelPath& path,
                                       const tree::Fingerprint* expected) override {
    return faulty(read("open", [&] { return inner().open(path, expected); }));
  }
  Result<std::unique_ptr<Batch>> begin_batch() override {
    TRY_ASSIGN(auto batch, with_faults(*plan_, CallClass::kNameChange, "begin_batch",
                                       [&] { return inner().begin_batch(); }));
    return std::unique_ptr<Batch>(std::make_unique<FaultyBatch>(std::move(batch), plan_));
  }
  Result<tree::Entry> make_directory(const RelPath& path,
                                     std::optional<tree::Attributes> attributes) override {
    return change("make_directory", [&] { return inner().make_directory(path, attributes); });
  }
  Result<tree::Entry> move(const RelPath& from, const RelPath& to,
                           const tree::Fingerprint& expected) override {
    return change("move", [&] { return inner().move(from, to, expected); });
  }
  Result<std::pair<tree::Entry, tree::Entry>> exchange(const RelPath& a,
                                                       const RelPath& b) override {
    return change("exchange", [&] { return inner().exchange(a, b); });
  }
  Result<void> park(const RelPath& path, const tree::Fingerprint& expected,
                    std::string_view name) override {
    return change("park", [&] { return inner().park(path, expected, name); });
  }
  Result<tree::Entry> unpark(std::string_view name, const RelPath& path) override {
    return change("unpark", [&] { return inner().unpark(name, path); });
  }
  Result<tree::Entry> finish_move(const RelPath& from, const RelPath& to) override {
    return change("finish_move", [&] { return inner().finish_move(from, to); });
  }
  Result<tree::Entry> finish_unpark(std::string_view name, const RelPath& path) override {
    return change("finish_unpark", [&] { return inner().finish_unpark(name, path); });
  }
  Result<std::vector<std::string>> parked() override {
    return read("parked", [&] { return inner().parked(); });
  }
  Result<tree::Entry> set_attributes(const RelPath& path, const tree::Fingerprint& expected,
                                     const tree::Attributes& attributes,
                                     std::optional<Timestamp> mtime,
                                     Source* xattr_source) override {
    return with_faults(*plan_, CallClass::kWrite, "set_attributes", [&] {
      return inner().set_attributes(path, expected, attributes, mtime, xattr_source);
    });
  }
  Result<std::optional<Trashed>> remove(const RelPath& path, const tree::Fingerprint& expected,
                                        const TrashFolder& trash) override {
    return change("remove", [&] { return inner().remove(path, expected, trash); });
  }
  Result<void> make_durable() override {
    return with_faults(*plan_, CallClass::kSync, "make_durable",
                       [&] { return inner().make_durable(); });
  }
  Result<std::optional<RootIdentity>> read_identity(std::string_view rule) override {
    return read("read_identity", [&] { return inner().read_identity(rule); });
  }
  Result<void> write_identity(const RootIdentity& identity) override {
    return change("write_identity", [&] { return inner().write_identity(identity); });
  }
  Result<tree::Entry> look_trashed(const RelPath& trash_path) override {
    return read("look_trashed", [&] { return inner().look_trashed(trash_path); });
  }
  Result<std::unique_ptr<Source>> open_trashed(const RelPath& trash_path) override {
    return faulty(read("open_trashed", [&] { return inner().open_trashed(trash_path); }));
  }
  Result<tree::Entry> restore_trashed(const RelPath& trash_path, const RelPath& path) override {
    return change("restore_trashed", [&] { return inner().restore_trashed(trash_path, path); });
  }
  Result<void> purge_trashed(const RelPath& trash_path) override {
    return change("purge_trashed", [&] { return inner().purge_trashed(trash_path); });
  }
  Result<std::vector<TrashItem>> list_trash() override {
    return read("list_trash", [&] { return inner().list_trash(); });
  }
  Result<std::uint64_t> sweep() override {
    return change("sweep", [&] { return inner().sweep(); });
  }
  Result<std::unique_ptr<ChangeFeed>> watch() override {
    return read("watch", [&] { return inner().watch(); });
  }
  Result<std::optional<std::uint64_t>> free_bytes() override {
    return read("free_bytes", [&] { return inner().free_bytes(); });
  }

 private:
  template <typename Call>
  auto read(std::string_view name, Call call) -> decltype(call()) {
    return with_faults(*plan_, CallClass::kRead, name, call);
  }
  template <typename Call>
  auto change(std::string_view name, Call call) -> decltype(call()) {
    return with_faults(*plan_, CallClass::kNameChange, name, call);
  }
  Result<std::unique_ptr<Source>> faulty(Result<std::unique_ptr<Source>> source) {
    if (!source.ok()) {
      return source;
    }
    return std::unique_ptr<Source>(
        std::make_unique<FaultySource>(std::move(source).value(), plan_));
  }

  std::shared_ptr<fs::FaultPlan> plan_;
};

}  // namespace

std::unique_ptr<Provider> make_faulty(std::unique_ptr<Provider> inner,
                                      std::shared_ptr<fs::FaultPlan> plan) {
  return std::make_unique<FaultProvider>(std::move(inner), std::move(plan));
}

}  // namespace ox::provider
