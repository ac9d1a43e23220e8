// contentionwatch: which lock holds a service back, proved with arithmetic.

#include <fcntl.h>

#include <cstdio>
#include <string>

#include "app/demo.h"
#include "app/settings.h"
#include "app/watch.h"

namespace {

// A closed standard stream would give its number to a file of ours, and a report written there
// would end up in it. /dev/null opened for reading takes the place: writing to it fails.
void occupy_standard_streams() {
  for (int number = 0; number <= 2; ++number)
    if (fcntl(number, F_GETFD) < 0) static_cast<void>(open("/dev/null", O_RDONLY));
}

}  // namespace

int main(int count, char** arguments) {
  occupy_standard_streams();
  const auto say = [](const cw::Error& error) {
    static_cast<void>(std::fprintf(stderr, "contentionwatch: %s\n", error.message.c_str()));
    return static_cast<int>(error.exit);
  };
  const auto line = cw::parse_command_line(count, arguments);
  if (!line) return say(line.error());
  const auto& settings = line->settings;
  if (!settings) return std::fputs(line->text.c_str(), stdout) < 0 ? 1 : 0;
  const bool is_demo = settings->command == cw::Command::kDemo;
  const auto exit = is_demo ? cw::demo(*settings) : cw::watch(*settings);
  return exit ? static_cast<int>(*exit) : say(exit.error());
}
