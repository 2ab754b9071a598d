#include "app/ignores.h"

#include <algorithm>

#include "app/exit_code.h"
#include "base/bytes.h"
#include "crypto/digest.h"
#include "state/checksum.h"
#include "state/page.h"
#include "sync/bases.h"
#include "sync/sources.h"
#include "sync/text_merge.h"

namespace ox::app {

namespace {

constexpr std::uint64_t kMaxIgnoreBytes = 1U << 20U;
constexpr std::string_view kCacheFormat = "syncoxiders-ignores 2";

using Files = std::vector<std::pair<RelPath, Digest>>;

Result<void> collect(state::Store& store, NodeId directory, const RelPath& path, Files& files) {
  TRY_ASSIGN(const std::vector<Bytes> pages, store.pages(directory));
  std::vector<std::pair<NodeId, std::string>> below;
  for (const Bytes& page : pages) {
    state::PageCursor cursor(page, directory);
    while (cursor.next()) {
      const state::RecordView& record = cursor.record();
      if (record.agreed.kind == tree::Kind::kDirectory) {
        below.emplace_back(record.id, std::string(record.agreed.name));
      } else if (record.agreed.kind == tree::Kind::kFile &&
                 record.agreed.name == sync::kIgnoreFileName &&
                 record.agreed.content.digest != nullptr) {
        Digest digest;
        std::copy_n(record.agreed.content.digest, digest.bytes.size(), digest.bytes.begin());
        files.emplace_back(path.child(record.agreed.name), digest);
      }
    }
    if (!cursor.ok()) {
      return Error(Code::kCorrupt, "a page of the state is damaged");
    }
  }
  for (const auto& [node, name] : below) {
    TRY(collect(store, node, path.child(name), files));
  }
  return {};
}

}  // namespace

Result<Files> agreed_ignore_files(state::Store& store) {
  Files files;
  TRY(collect(store, kRootNode, {}, files));
  std::ranges::sort(files);
  return files;
}

Result<Files> IgnoreIndex::find(state::Store& store) {
  TRY_ASSIGN(const std::vector<state::RunRecord> last, store.runs(1));
  if (last.empty()) {
    return Files{};
  }
  const std::string key =
      std::to_string(last.front().id.value) + "-" + std::to_string(last.front().started.ns);
  if (key == key_ || load(key)) {
    return files_;
  }
  TRY_ASSIGN(files_, agreed_ignore_files(store));
  // A run that did not end may have told only a part: nothing to be remembered.
  if (last.front().finished.has_value()) {
    key_ = key;
    save();
  }
  return files_;
}

bool IgnoreIndex::load(const std::string& key) {
  if (cache_path_.empty()) {
    return false;
  }
  const Result<std::optional<std::string>> text = read_file(cache_path_);
  if (!text.ok() || !text->has_value()) {
    return false;
  }
  const Result<BytesView> body = state::unseal(as_bytes_view(**text));
  if (!body.ok()) {
    return false;
  }
  ByteReader in(*body);
  if (in.get_string() != kCacheFormat || in.get_string() != key) {
    return false;
  }
  Files files;
  for (std::uint64_t count = in.get_varint(); count > 0 && in.ok(); --count) {
    const Result<RelPath> path = RelPath::parse(in.get_string());
    const BytesView raw = in.get_raw(Digest{}.bytes.size());
    if (!path.ok() || !in.ok()) {
      return false;
    }
    Digest digest;
    std::ranges::copy(raw, digest.bytes.begin());
    files.emplace_back(*path, digest);
  }
  if (!in.ok() || !in.at_end()) {
    return false;
  }
  files_ = std::move(files);
  key_ = key;
  return true;
}

void IgnoreIndex::save() const {
  if (cache_path_.empty()) {
    return;
  }
  ByteWriter out;
  out.put_string(kCacheFormat);
  out.put_string(key_);
  out.put_varint(files_.size());
  for (const auto& [path, digest] : files_) {
    out.put_string(path.text());
    out.put_raw(digest.bytes);
  }
  ignore(write_file(cache_path_, as_text_view(state::seal(out.take()))), "it only saves time");
}

namespace {

/// The agreed bytes: kept by the engine, else still standing on some replica.
Result<std::optional<std::string>> agreed_text(state::Store& store,
                                               const std::vector<sync::EngineReplica>& replicas,
                                               const RelPath& path, const Digest& digest) {
  TRY_ASSIGN(const std::optional<Bytes> kept, store.merge_base(digest));
  if (kept.has_value()) {
    return std::optional(std::string(as_text_view(*kept)));
  }
  for (const sync::EngineReplica& replica : replicas) {
    if (replica.provider == nullptr) {
      continue;
    }
    const auto source = replica.provider->open(path, nullptr);
    if (!source.ok()) {
      continue;
    }
    const Result<Bytes> bytes = sync::read_small(**source, kMaxIgnoreBytes);
    if (bytes.ok() && crypto::sha256(*bytes) == digest) {
      return std::optional(std::string(as_text_view(*bytes)));
    }
  }
  return std::optional<std::string>{};
}

void add_first_run(const Rule& rule, const std::vector<sync::EngineReplica>& replicas,
                   std::vector<IgnoreSource>& sources) {
  const ReplicaIndex first = rule.order.front();
  if (replicas[first].provider == nullptr) {
    return;
  }
  const auto source =
      replicas[first].provider->open(RelPath().child(sync::kIgnoreFileName), nullptr);
  if (!source.ok()) {
    return;
  }
  const Result<Bytes> bytes = sync::read_small(**source, kMaxIgnoreBytes);
  if (bytes.ok()) {
    sources.push_back({.base = {},
                       .origin = std::string(sync::kIgnoreFileName),
                       .text = std::string(as_text_view(*bytes)),
                       .only = std::nullopt,
                       .file = RelPath().child(sync::kIgnoreFileName)});
  }
}

}  // namespace

Result<std::vector<IgnoreSource>> find_ignores(state::Store& store, const Rule& rule,
                                               const std::vector<sync::EngineReplica>& replicas,
                                               IgnoreIndex& index,
                                               std::vector<state::Problem>& problems) {
  std::vector<IgnoreSource> sources;
  for (const IgnoreText& ignores : rule.settings.ignores) {
    sources.push_back(
        {.base = {}, .origin = ignores.origin, .text = ignores.text, .only = std::nullopt});
  }
  for (ReplicaIndex i = 0; i < rule.roots.size(); ++i) {
    const auto own = rule.settings.ignores_on.find(rule.roots[i].path);
    if (own != rule.settings.ignores_on.end()) {
      sources.push_back(
          {.base = {}, .origin = own->second.origin, .text = own->second.text, .only = i});
    }
  }
  TRY_ASSIGN(const std::optional<tree::NodeRecord> root, store.root());
  if (!root.has_value()) {
    add_first_run(rule, replicas, sources);
    return sources;
  }
  TRY_ASSIGN(const Files files, index.find(store));
  for (const auto& [path, digest] : files) {
    TRY_ASSIGN(std::optional<std::string> text, agreed_text(store, replicas, path, digest));
    if (text.has_value()) {
      sources.push_back({.base = path.parent(),
                         .origin = path.text(),
                         .text = std::move(*text),
                         .only = std::nullopt,
                         .file = path});
    } else {
      problems.push_back({.replica = std::nullopt,
                          .path = path,
                          .code = "ignore_file",
                          .message = "its patterns are not known, so they do not apply; is it "
                                     "larger than 1 MiB, or no text?"});
    }
  }
  return sources;
}

Result<std::vector<tree::Filter>> make_filters(const Rule& rule,
                                               const std::vector<IgnoreSource>& ignores,
                                               Timestamp now,
                                               std::vector<state::Problem>& problems) {
  std::vector<tree::Filter> filters(rule.roots.size());
  for (const IgnoreSource& source : ignores) {
    Result<void> added;
    for (ReplicaIndex i = 0; i < filters.size() && added.ok(); ++i) {
      if (!source.only.has_value() || source.only == i) {
        added = filters[i].add(source.base, source.text);
      }
    }
    if (added.ok()) {
      continue;
    }
    const std::string reason = "its patterns can't be used: " + added.error().to_string();
    if (!source.file.has_value()) {
      return usage_error(source.origin + ": " + reason);
    }
    problems.push_back(
        {.replica = std::nullopt, .path = *source.file, .code = "ignore_file", .message = reason});
  }
  const tree::Limits limits = rule.settings.limits(now);
  if (limits != tree::Limits{}) {
    for (tree::Filter& filter : filters) {
      filter.set_limits(limits);
    }
  }
  return filters;
}

}  // namespace ox::app
