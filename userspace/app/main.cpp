// contentionwatch: which lock holds a service back, proved with arithmetic.

#include <fcntl.h>

#include <cstdio>
#include <string>

#include "app/demo.h"
#include "app/doctor.h"
#include "app/replay.h"
#include "app/settings.h"
#include "app/watch.h"

namespace {

// A closed standard stream would give its number to a file of ours, and a report written there
// would end up in it. /dev/null opened for reading takes the place: writing to it fails.
void occupy_standard_streams() {
  for (int number = 0; number <= 2; ++number)
    if (fcntl(number, F_GETFD) < 0) static_cast<void>(open("/dev/null", O_RDONLY));
}

cw::Result<cw::Exit> run(const cw::Settings& settings) {
  switch (settings.command) {
    case cw::Command::kDemo:
      return cw::demo(settings);
    case cw::Command::kDoctor:
      return cw::doctor(settings);
    case cw::Command::kReplay:
      return cw::replay(settings);
    case cw::Command::kWatch:
      break;
  }
  return cw::watch(settings);
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
  if (!settings->remark.empty())
    static_cast<void>(std::fprintf(stderr, "contentionwatch: %s\n", settings->remark.c_str()));
  auto exit = run(*settings);
  if (exit) return static_cast<int>(*exit);
  if (exit.error().exit == cw::Exit::kNotAllowed && settings->command != cw::Command::kDoctor)
    exit.error().message += " (contentionwatch doctor says more)";
  return say(exit.error());
}
