// The command as a user types it.
#include <gtest/gtest.h>

TEST(Command, Placeholder) { FAIL(); }
