// Power cuts and crashes at every call.
#include <gtest/gtest.h>

#include <map>

#include "fs/faulty/faulty_fs.h"
#include "fs/memory/memory_fs.h"
#include "provider/local/local_root_for_test.h"

namespace ox::provider {
namespace {

using conformance::at;
using conformance::kTrash;
using conformance::stage_bytes;
using fs::Support;

std::map<std::string, std::string> contents_of(fs::Directory& directory,
                                               const std::string& prefix = "") {
  std::map<std::string, std::string> found;
  for (const fs::DirectoryItem& item : directory.list().value()) {
    const std::string path = prefix + item.name;
    if (item.stat.type == fs::NodeType::kDirectory) {
      found.merge(contents_of(*directory.open_directory(item.name).value(), path + "/"));
    } else if (item.stat.type == fs::NodeType::kSymlink) {
      found[path] = directory.read_symlink(item.name).value();
    } else {
      Bytes bytes(item.stat.size);
      const auto file = directory.open_file(item.name, fs::Access::kRead).value();
      EXPECT_OK(file->read_at(0, bytes));
      found[path] = std::string(as_text_view(bytes));
    }
  }
  return found;
}

std::string long_text(const std::string& word, std::size_t size) {
  std::string text;
  while (text.size() < size) {
    text += word + std::to_string(text.size()) + ' ';
  }
  return text;
}

struct Scene {
  explicit Scene(const fs::MemoryOptions& options)
      : disk(rt::system_clock(), options),
        holds_names(options.rename_no_replace == Support::kNo &&
                    options.hard_links == Support::kNo) {}
  std::unique_ptr<Provider> open(std::shared_ptr<fs::FaultPlan> plan = nullptr) {
    LocalOptions options;
    options.root = plan == nullptr ? disk.root() : fs::make_faulty(disk.root(), plan);
    options.rule = kTestRule;
    auto made = make_local_provider(std::move(options));
    return made.ok() ? std::move(made).value() : nullptr;
  }
  fs::MemoryFileSystem disk;
  const bool holds_names;
};

const std::string kOld = long_text("old", 20'000);
const std::string kNew = long_text("new", 30'000);

/// Works where syncfs does not.
void sync_everything(fs::Directory& directory) {
  for (const fs::DirectoryItem& item : directory.list().value()) {
    if (item.stat.type == fs::NodeType::kDirectory) {
      sync_everything(*directory.open_directory(item.name).value());
    } else if (item.stat.type == fs::NodeType::kFile) {
      EXPECT_OK(directory.open_file(item.name, fs::Access::kRead).value()->sync());
    }
  }
  EXPECT_OK(directory.sync());
}

/// Sets up "kept" (to be replaced), "d/" and "gone" (to be removed), all durable.
void prepare(Scene& scene) {
  LocalTestRoot root([&] { return scene.disk.root(); });
  root.write(at("kept"), kOld);
  root.write(at("gone"), kOld);
  root.make_directory(at("d"));
  sync_everything(*scene.disk.root());
}

/// One run: creates, replaces and removes, with `extra` small files more. Errors end it.
Result<void> run(Provider& provider, int extra) {
  TRY_ASSIGN(const auto batch, provider.begin_batch());
  TRY_ASSIGN(const tree::Entry kept, provider.look(at("kept")));
  TRY_ASSIGN(const tree::Entry gone, provider.look(at("gone")));
  std::vector<Staged> staged;
  for (int i = 0; i < extra + 2; ++i) {
    conformance::StringSource source(i < 2 ? kNew : "small " + std::to_string(i));
    StageRequest request;
    request.source = &source;
    request.mtime = conformance::kMtime;
    TRY_ASSIGN(Staged one, batch->stage(request, {}));
    staged.push_back(std::move(one));
  }
  TRY(batch->make_durable());
  TRY_ASSIGN(auto created,
             batch->publish(staged[0], at("d/created"), Precondition::absent(), kTrash));
  TRY_ASSIGN(auto replaced, batch->publish(staged[1], at("kept"),
                                           Precondition::matches(kept.fingerprint), kTrash));
  for (int i = 2; i < extra + 2; ++i) {
    TRY_ASSIGN(auto published, batch->publish(staged[static_cast<std::size_t>(i)],
                                              at("d").child("extra" + std::to_string(i)),
                                              Precondition::absent(), kTrash));
  }
  TRY(batch->settle());
  TRY_ASSIGN(auto removed, provider.remove(at("gone"), gone.fingerprint, kTrash));
  return provider.make_durable();
}

/// Whatever happened: names hold whole versions, and no old version is lost before the new stands.
void expect_sound(Scene& scene) {
  const auto found = contents_of(*scene.disk.root());
  const auto bytes_at = [&](const std::string& path) {
    const auto entry = found.find(path);
    return entry == found.end() ? "" : entry->second;
  };
  const std::string kept = bytes_at("kept");
  EXPECT_TRUE(kept == kOld || kept == kNew || (scene.holds_names && kept.empty())) << kept.size();
  EXPECT_TRUE(kept == kOld || bytes_at(".syncoxiders/trash/run-1/kept") == kOld)
      << "the replaced version is lost";
  if (found.contains("d/created")) {
    // Where nothing better is to be had, an empty file of ours holds the name for a moment.
    EXPECT_TRUE(bytes_at("d/created") == kNew ||
                (scene.holds_names && bytes_at("d/created") == ""));
  }
  EXPECT_TRUE(bytes_at("gone") == kOld || bytes_at(".syncoxiders/trash/run-1/gone") == kOld);
  for (const auto& [path, bytes] : found) {
    if (path.starts_with("d/extra")) {
      EXPECT_TRUE(bytes == "small " + path.substr(7) || (scene.holds_names && bytes == ""));
    }
  }
}

void expect_done(Scene& scene, int extra) {
  expect_sound(scene);
  const auto found = contents_of(*scene.disk.root());
  EXPECT_TRUE(found.at("kept") == kNew);
  EXPECT_TRUE(found.at("d/created") == kNew);
  EXPECT_FALSE(found.contains("gone"));
  EXPECT_TRUE(found.at(".syncoxiders/trash/run-1/kept") == kOld);
  EXPECT_TRUE(found.at(".syncoxiders/trash/run-1/gone") == kOld);
  for (int i = 2; i < extra + 2; ++i) {
    EXPECT_TRUE(found.contains("d/extra" + std::to_string(i)));
  }
}

class CrashTest : public testing::TestWithParam<fs::MemoryOptions> {};

fs::MemoryOptions with(const std::function<void(fs::MemoryOptions&)>& change) {
  fs::MemoryOptions options;
  change(options);
  return options;
}

const fs::MemoryOptions kWays[] = {
    {},
    with([](fs::MemoryOptions& options) { options.rename_exchange = Support::kNo; }),
    with([](fs::MemoryOptions& options) {
      options.rename_exchange = options.rename_no_replace = Support::kNo;
    }),
    with([](fs::MemoryOptions& options) {
      options.rename_exchange = options.rename_no_replace = Support::kNo;
      options.hard_links = Support::kNo;
    }),
    with([](fs::MemoryOptions& options) { options.sync_whole = Support::kNo; }),
};
INSTANTIATE_TEST_SUITE_P(AllWays, CrashTest, testing::ValuesIn(kWays));

TEST_P(CrashTest, WhatWasSettledSurvivesAPowerCut) {
  for (const int extra : {0, 40}) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      Scene scene(GetParam());
      prepare(scene);
      const auto provider = scene.open();
      ASSERT_NE(nullptr, provider);
      ASSERT_OK(run(*provider, extra));
      rt::SeededRandom random(seed);
      scene.disk.power_cut(random);
      expect_done(scene, extra);
    }
  }
}

TEST_P(CrashTest, ACrashAtAnyCallLeavesWholeVersions) {
  for (const int extra : {0, 18}) {
    bool finished = false;
    for (std::uint64_t call = 1; !finished; ++call) {
      Scene scene(GetParam());
      prepare(scene);
      const auto plan = std::make_shared<fs::FaultPlan>();
      plan->crash_at(call);
      if (const auto provider = scene.open(plan); provider != nullptr) {
        finished = run(*provider, extra).ok();
      }
      ASSERT_LT(call, 5000U);
      scene.disk.crash();
      expect_sound(scene);
      const auto again = scene.open();
      ASSERT_NE(nullptr, again) << "crashed at call " << call;
      EXPECT_OK(again->sweep());
      const auto left = contents_of(*scene.disk.root());
      for (const auto& [path, bytes] : left) {
        EXPECT_FALSE(path.starts_with(".syncoxiders/stage/") && !path.ends_with("/clock"))
            << path << " after a crash at call " << call;
      }
      expect_sound(scene);
      if (HasFailure()) {
        FAIL() << "crashed at call " << call << " (" << plan->last_call() << ")";
      }
    }
  }
}

TEST_P(CrashTest, APowerCutAtAnyCallLeavesWholeVersions) {
  bool finished = false;
  for (std::uint64_t call = 1; !finished; ++call) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      Scene scene(GetParam());
      prepare(scene);
      const auto plan = std::make_shared<fs::FaultPlan>();
      plan->crash_at(call);
      if (const auto provider = scene.open(plan); provider != nullptr) {
        finished = run(*provider, 0).ok();
      }
      rt::SeededRandom random(call * 1000 + seed);
      scene.disk.power_cut(random);
      expect_sound(scene);
      if (HasFailure()) {
        FAIL() << "cut at call " << call << " (" << plan->last_call() << ")";
      }
    }
  }
}

TEST_P(CrashTest, AnyErrorOfTheFileSystemLosesNothing) {
  for (const fs::Effect effect : {fs::Effect::kNone, fs::Effect::kComplete, fs::Effect::kHalf}) {
    for (std::uint64_t call = 1;; ++call) {
      Scene scene(GetParam());
      prepare(scene);
      const auto plan = std::make_shared<fs::FaultPlan>();
      plan->fail_call(call, Error(Code::kIo, "planned"), effect);
      if (const auto provider = scene.open(plan); provider != nullptr) {
        ignore(run(*provider, 0), "some errors need not be told: what they spoil is not needed");
      }
      expect_sound(scene);
      if (HasFailure()) {
        FAIL() << "failed at call " << call << " effect " << static_cast<int>(effect);
      }
      if (plan->calls() < call) {
        EXPECT_GT(call, 50U);
        break;
      }
    }
  }
}

TEST_P(CrashTest, DirectoryChangesAreDurableWhenToldSo) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Scene scene(GetParam());
    prepare(scene);
    const auto provider = scene.open();
    ASSERT_OK(provider->make_directory(at("fresh"), std::nullopt));
    ASSERT_OK(provider->move(at("gone"), at("fresh/moved"),
                             provider->look(at("gone")).value().fingerprint));
    ASSERT_OK(provider->make_durable());
    ASSERT_OK(provider->write_identity({.rule = kTestRule, .epoch = seed, .file_system = ""}));
    rt::SeededRandom random(seed);
    scene.disk.power_cut(random);
    const auto found = contents_of(*scene.disk.root());
    EXPECT_TRUE(found.at("fresh/moved") == kOld);
    EXPECT_FALSE(found.contains("gone"));
    EXPECT_EQ(seed, scene.open()->read_identity(kTestRule).value().value().epoch);
  }
}

TEST_P(CrashTest, AWholeTreeIsDurableWhenSettled) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Scene scene(GetParam());
    prepare(scene);
    const auto provider = scene.open();
    const auto batch = provider->begin_batch().value();
    StageRequest request;
    request.kind = tree::Kind::kDirectory;
    request.place = at("top");
    request.attributes = tree::Attributes{.mode = 0755};
    const Staged top = batch->stage(request, {}).value();
    request.place = at("top/sub");
    ASSERT_OK(batch->stage(request, {}));
    stage_bytes(*batch, kNew, at("top/sub/file"));
    ASSERT_OK(batch->make_durable());
    ASSERT_OK(batch->publish(top, at("d/placed"), Precondition::absent(), kTrash));
    ASSERT_OK(batch->settle());
    rt::SeededRandom random(seed);
    scene.disk.power_cut(random);
    EXPECT_TRUE(contents_of(*scene.disk.root()).at("d/placed/sub/file") == kNew) << seed;
  }
}

TEST(IdentityCrash, AnIdentityIsTheOldOrTheNewOne) {
  for (std::uint64_t call = 1; call < 200; ++call) {
    Scene scene({});
    ASSERT_OK(scene.open()->write_identity({.rule = kTestRule, .epoch = 1, .file_system = ""}));
    ASSERT_OK(scene.disk.root()->sync_file_system());
    const auto plan = std::make_shared<fs::FaultPlan>();
    plan->crash_at(call);
    if (const auto provider = scene.open(plan); provider != nullptr) {
      ignore(provider->write_identity({.rule = kTestRule, .epoch = 2, .file_system = ""}), "");
    }
    rt::SeededRandom random(call);
    scene.disk.power_cut(random);
    const auto found = scene.open()->read_identity(kTestRule);
    ASSERT_OK(found);
    ASSERT_TRUE(found->has_value());
    EXPECT_TRUE((*found)->epoch == 1 || (*found)->epoch == 2);
  }
}

}  // namespace
}  // namespace ox::provider
