#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <algorithm>

#include "process/control_group.h"
#include "process/group_limits.h"
#include "process/proc.h"
#include "process_child.h"

namespace cw {
namespace {

using test::Child;
using test::eventually;

bool holds(const std::vector<std::int32_t>& list, std::int32_t value) {
  return std::ranges::find(list, value) != list.end();
}

TEST(Proc, TellsProcessesApart) {
  Child child([](const Child::Ready& ready) { ready(0); });
  ASSERT_TRUE(child.ready());
  EXPECT_EQ(state_of(child.pid()), ProcessState::kAlive);
  EXPECT_EQ(state_of(::getpid()), ProcessState::kAlive);
  const std::int32_t pid = child.pid();
  ::kill(pid, SIGKILL);
  EXPECT_TRUE(eventually([pid] { return state_of(pid) == ProcessState::kZombie; }));
  child.end();
  EXPECT_EQ(state_of(pid), ProcessState::kGone);
  EXPECT_EQ(exe_of(pid), "");
  EXPECT_EQ(state_of(0), ProcessState::kGone);
  EXPECT_EQ(state_of(-1), ProcessState::kGone);
}

TEST(Proc, AProcessWhoseFirstThreadEndedIsAlive) {
  const Child child([](const Child::Ready& ready) {
    std::thread([&ready] {
      ready(0);
      for (;;) ::pause();
    }).detach();
    ::syscall(SYS_exit, 0);
  });
  ASSERT_TRUE(child.ready());
  EXPECT_TRUE(eventually([&child] {
    const auto times = tids_of(child.pid());
    return times.size() == 2 && state_of(child.pid()) == ProcessState::kAlive;
  }));
}

TEST(Proc, SurvivesHostileNames) {
  for (const std::string name : {") Z 1 2 3", "a\nb\n", "((((", "\x1b[31mred", "))) R 0 0"}) {
    const Child child([&name](const Child::Ready& ready) {
      ::prctl(PR_SET_NAME, name.c_str());
      ready(0);
    });
    ASSERT_TRUE(child.ready());
    EXPECT_EQ(comm_of(child.pid()), name);
    EXPECT_EQ(thread_comm_of(child.pid(), child.pid()), name);
    EXPECT_EQ(state_of(child.pid()), ProcessState::kAlive);
    EXPECT_EQ(start_ticks_of(child.pid()), thread_start_ticks_of(child.pid(), child.pid()));
    EXPECT_GE(start_ticks_of(child.pid()).value_or(0), start_ticks_of(::getpid()).value_or(~0ULL));
    EXPECT_TRUE(thread_times_of(child.pid(), child.pid()));
  }
}

TEST(Proc, KnowsItsOwnProcess) {
  EXPECT_FALSE(is_32bit(::getpid()));
  EXPECT_TRUE(exe_of(::getpid()).ends_with("unit_process"));
  EXPECT_TRUE(group_path_in(membership_of(::getpid())).starts_with('/'));
  EXPECT_EQ(namespace_ids_of(::getpid(), ::getpid()).front(), ::getpid());
  EXPECT_TRUE(holds(all_pids(), ::getpid()));
  const Child child([](const Child::Ready& ready) { ready(0); });
  EXPECT_TRUE(holds(descendants_of({::getpid()}), child.pid()));
}

TEST(Proc, PrefersTheUnifiedHierarchyOfControlGroups) {
  EXPECT_EQ(group_path_in("4:memory:/old\n0::/shop/web\n"), "/shop/web");
  EXPECT_EQ(group_path_in("4:memory:/old\n3:cpu:/other\n"), "/old");
  EXPECT_EQ(group_path_in("nonsense\n"), "");
}

}  // namespace
}  // namespace cw
