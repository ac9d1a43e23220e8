// Many words, full maps, and books that were damaged.
#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "child_process.h"
#include "watch.h"

namespace cw::test {
namespace {

TEST(Limits, TenThousandWords) {
  Workload workload({"words", "10000", "2", "50"});
  Watch watch(workload.pid());
  const auto truth = workload.run();
  const Interval interval = watch.interval();
  const Word sum = sum_of_words(interval);
  EXPECT_EQ(waits_of(sum), truth.at("waits").get<std::uint64_t>());
  EXPECT_EQ(sum.timed_out, truth.at("timed_out").get<std::uint64_t>());
  EXPECT_EQ(interval.losses, Losses{});
}

// What a full map refuses is counted, wait by wait.
TEST(Limits, FullMapCountsWhatItLoses) {
  constexpr std::uint64_t kRoom = 1000;
  Workload workload({"words", "3000", "1", "50"});
  ProbeOptions options;
  options.sizes.words = kRoom;
  Watch watch(workload.pid(), options);
  const auto truth = workload.run();
  const Interval interval = watch.interval();
  const std::uint64_t seen = waits_of(sum_of_words(interval));
  EXPECT_GT(seen, 0U);
  EXPECT_LE(seen, kRoom);
  EXPECT_EQ(seen + interval.losses.waits, truth.at("waits").get<std::uint64_t>());
  EXPECT_EQ(interval.losses.map_full, interval.losses.waits);
}

// Room is made again for what comes next: words that are no longer used give way.
TEST(Limits, QuietWordsGiveWayWhenItGetsCrowded) {
  Workload workload({"words", "800", "1", "50"});
  ProbeOptions options;
  options.sizes.words = 1000;
  Watch watch(workload.pid(), options);
  workload.run();
  EXPECT_EQ(waits_of(sum_of_words(watch.interval())), 800U);
  watch.interval();  // quiet for one interval
  watch.interval();
  EXPECT_LT(watch.last().words.size(), 100U);
}

// The table is full of words used once when a lock becomes busy: it gets in, and stays.
TEST(Limits, FloodLeavesRoomForABusyWord) {
  constexpr std::uint64_t kRoom = 2000;
  Workload workload({"crowd", "1000000", "2", "3", "4"});
  ProbeOptions options;
  options.sizes.words = kRoom;
  Watch watch(workload.pid(), options);
  workload.run();
  const Interval interval = watch.interval();
  const Word word = word_at(interval, workload.pid(), workload.address("lock"));
  EXPECT_GT(waits_of(word), 500U);
  EXPECT_EQ(waits_of(word), word.wait_hist.count());
  EXPECT_GT(interval.losses.waits, kRoom) << "no flood";
  EXPECT_LE(watch.last().words.size(), kRoom);
}

// Finds a map of ours by its name; the newest, since another observer may run.
int map_named(const char* name) {
  std::uint32_t id = 0;
  int found = -1;
  while (bpf_map_get_next_id(id, &id) == 0) {
    const int map = bpf_map_get_fd_by_id(id);
    bpf_map_info about{};
    std::uint32_t size = sizeof(about);
    if (bpf_map_get_info_by_fd(map, &about, &size) == 0 && std::strcmp(about.name, name) == 0) {
      if (found >= 0) close(found);
      found = map;
    } else {
      close(map);
    }
  }
  return found;
}

// A leaked waiter must not read as a busy lock for ever.
TEST(Limits, LeakedWaiterIsSettled) {
  Workload workload({"ops", "wait", "3", "5"});
  Watch watch(workload.pid());
  workload.run();
  Word word = word_at(watch.interval(), workload.pid(), workload.address("word"));
  EXPECT_FALSE(watch.probes().settle(word.key)) << "nothing is wrong yet";

  const int words = map_named("words");
  ASSERT_GE(words, 0);
  struct {
    std::uint64_t space, address;
    std::uint32_t device, scope;
  } key{word.key.space, word.key.address, 0, 0};
  std::array<std::uint64_t, 32> value{};
  ASSERT_EQ(bpf_map_lookup_elem(words, &key, value.data()), 0);
  value[0] += std::uint64_t{1} << 46;  // one waiter more in `state`
  ASSERT_EQ(bpf_map_update_elem(words, &key, value.data(), BPF_ANY), 0);
  close(words);

  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  word = word_at(watch.interval(), workload.pid(), workload.address("word"));
  EXPECT_EQ(word.waiters, 1U);
  EXPECT_TRUE(watch.probes().settle(word.key));
  watch.interval();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(word_at(watch.interval(), workload.pid(), workload.address("word")).waiting_ns, 0U);
}

}  // namespace
}  // namespace cw::test
