#include "export/textfile.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "export_fixtures.h"

namespace cw {
namespace {

namespace fs = std::filesystem;

class Textfile : public testing::Test {
 protected:
  void SetUp() override { fs::create_directory(folder_); }
  void TearDown() override { fs::remove_all(folder_); }
  [[nodiscard]] std::ptrdiff_t files() const {
    return std::distance(fs::directory_iterator(folder_), fs::directory_iterator());
  }

  std::string folder_ = testing::TempDir() + "textfile_" + std::to_string(getpid());
  std::string file_ = folder_ + "/cw.prom";
};

TEST_F(Textfile, IsReplacedWholeAndReadableByAll) {
  ASSERT_TRUE(replace_file(file_, "one\n"));
  ASSERT_TRUE(replace_file(file_, "two\n"));
  EXPECT_EQ(test::content_of(file_), "two\n");
  EXPECT_EQ(files(), 1) << "no temporary is left";
  struct stat status{};
  ASSERT_EQ(stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0644U);
}

TEST_F(Textfile, CheckingLeavesNoTrace) {
  ASSERT_TRUE(replace_file(file_, "one\n"));
  EXPECT_TRUE(check_replaceable(file_));
  EXPECT_EQ(test::content_of(file_), "one\n");
  EXPECT_EQ(files(), 1);
}

TEST_F(Textfile, SaysWhatCannotBeWritten) {
  const std::string nowhere = folder_ + "/none/cw.prom";
  for (const auto& result : {check_replaceable(nowhere), replace_file(nowhere, "x")}) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().exit, Exit::kFailed);
    EXPECT_NE(result.error().message.find(nowhere), std::string::npos);
  }
  EXPECT_FALSE(check_replaceable(folder_)) << "a folder";
  EXPECT_FALSE(check_replaceable("/dev/null")) << "would be replaced by a file";
}

TEST_F(Textfile, DoesNotFollowLinksInItsPlace) {
  const std::string victim = folder_ + "/victim";
  ASSERT_TRUE(replace_file(victim, "mine\n"));
  ASSERT_EQ(symlink(victim.c_str(), (file_ + "." + std::to_string(getpid()) + ".tmp").c_str()), 0);
  ASSERT_TRUE(replace_file(file_, "x\n"));
  EXPECT_EQ(test::content_of(victim), "mine\n");
}

}  // namespace
}  // namespace cw
