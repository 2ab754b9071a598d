#include <gtest/gtest.h>

#include "provider/memory/memory_root_for_test.h"
#include "provider/wrap/stack.h"
#include "rt/clock.h"

namespace ox::provider {
namespace {

using conformance::at;
using conformance::kTrash;
using conformance::stage_bytes;

const bool kSuites[] = {
    conformance::register_conformance(
        "Faulty",
        [] {
          return std::make_unique<MemoryTestRoot>(
              MemoryOptions{}, [](std::unique_ptr<Provider> store) {
                return stack(std::move(store), {.faults = std::make_shared<fs::FaultPlan>()});
              });
        }),
    conformance::register_conformance(
        "Bandwidth",
        [] {
          static rt::RateLimit unlimited(rt::system_clock(), 0);
          return std::make_unique<MemoryTestRoot>(
              MemoryOptions{}, [](std::unique_ptr<Provider> store) {
                return stack(std::move(store), {.reading = &unlimited, .writing = &unlimited});
              });
        }),
};

struct Wrapped {
  explicit Wrapped(StackOptions options) {
    auto made = std::make_unique<MemoryProvider>();
    store = made.get();
    provider = stack(std::move(made), options);
  }
  MemoryProvider* store;
  std::unique_ptr<Provider> provider;
};

TEST(FaultProvider, FailsTheCallItWasToldToWithoutEffect) {
  const auto plan = std::make_shared<fs::FaultPlan>();
  Wrapped wrapped({.faults = plan});
  plan->fail_call(2, Error(Code::kIo, "planned"));
  EXPECT_OK(wrapped.provider->make_directory(at("a"), std::nullopt));
  EXPECT_CODE(Code::kIo, wrapped.provider->make_directory(at("b"), std::nullopt));
  EXPECT_OK(wrapped.provider->make_directory(at("c"), std::nullopt));
  EXPECT_EQ(2U, wrapped.store->entries().size());
}

TEST(FaultProvider, LosesTheAnswerOfWhatItDid) {
  const auto plan = std::make_shared<fs::FaultPlan>();
  Wrapped wrapped({.faults = plan});
  const auto batch = wrapped.provider->begin_batch().value();
  const Staged staged = stage_bytes(*batch, "bytes");
  plan->fail_call(plan->calls() + 1, Error(Code::kUnreachable, "lost"), fs::Effect::kComplete);
  EXPECT_CODE(Code::kUnreachable,
              batch->publish(staged, at("file"), Precondition::absent(), kTrash));
  EXPECT_EQ("bytes", wrapped.store->content(at("file")));
}

TEST(FaultProvider, NothingHasAnEffectAfterACrash) {
  const auto plan = std::make_shared<fs::FaultPlan>();
  Wrapped wrapped({.faults = plan});
  plan->crash_at(1);
  EXPECT_CODE(Code::kUnreachable, wrapped.provider->make_directory(at("a"), std::nullopt));
  EXPECT_CODE(Code::kUnreachable, wrapped.provider->make_directory(at("b"), std::nullopt));
  EXPECT_CODE(Code::kUnreachable, wrapped.provider->list(at(""), nullptr, {}));
  EXPECT_TRUE(wrapped.store->entries().empty());
}

TEST(FaultProvider, ReadingASourceCanFail) {
  const auto plan = std::make_shared<fs::FaultPlan>();
  Wrapped wrapped({.faults = plan});
  ASSERT_OK(wrapped.store->user_write(at("file"), "bytes"));
  const auto source = wrapped.provider->open(at("file"), nullptr).value();
  plan->fail_call(2, Error(Code::kIo, "planned"));
  std::vector<std::uint8_t> into(5);
  EXPECT_CODE(Code::kIo, source->read_at(0, into));
  EXPECT_OK(source->read_at(0, into));
}

TEST(BandwidthProvider, EveryByteIsPaidFor) {
  rt::ManualClock clock(Timestamp{1});
  rt::RateLimit reading(clock, 1000);
  rt::RateLimit writing(clock, 1000);
  Wrapped wrapped({.reading = &reading, .writing = &writing});
  ASSERT_OK(wrapped.store->user_write(at("file"), std::string(10'000, 'x')));
  const auto source = wrapped.provider->open(at("file"), nullptr).value();
  const auto before_reading = clock.monotonic();
  EXPECT_EQ(10'000U, conformance::read_all(*source).size());
  EXPECT_EQ(10'000U, conformance::read_all(*source).size());
  const auto before_writing = clock.monotonic();
  EXPECT_GE(before_writing - before_reading, std::chrono::seconds(9))
      << "the second reading waits for the first";

  const auto batch = wrapped.provider->begin_batch().value();
  std::uint64_t told = 0;
  conformance::StringSource bytes(std::string(200'000, 'y'));
  StageRequest request;
  request.source = &bytes;
  request.on_bytes = [&](std::uint64_t count) -> Result<void> {
    told += count;
    return {};
  };
  ASSERT_OK(batch->stage(request, {}));
  EXPECT_GE(clock.monotonic() - before_writing, std::chrono::seconds(100));
  EXPECT_EQ(200'000U, told) << "the caller's own progress is still told";
}

TEST(BandwidthProvider, AStopEndsTheWaiting) {
  rt::ManualClock clock(Timestamp{1});
  rt::RateLimit writing(clock, 1);
  Wrapped wrapped({.writing = &writing});
  const auto batch = wrapped.provider->begin_batch().value();
  conformance::StringSource bytes(std::string(1'000'000, 'y'));
  StageRequest request;
  request.source = &bytes;
  std::stop_source stop;
  stop.request_stop();
  EXPECT_CODE(Code::kCancelled, batch->stage(request, stop.get_token()));
}

}  // namespace
}  // namespace ox::provider
