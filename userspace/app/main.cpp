// contentionwatch: which lock holds a service back, proved with arithmetic.

#include <cstdio>
#include <string>

#include "app/demo.h"
#include "app/settings.h"
#include "app/watch.h"

int main(int count, char** arguments) {
  const auto say = [](const cw::Error& error) {
    static_cast<void>(std::fprintf(stderr, "contentionwatch: %s\n", error.message.c_str()));
    return static_cast<int>(error.exit);
  };
  const auto line = cw::parse_command_line(count, arguments);
  if (!line) return say(line.error());
  if (!line->settings) {
    static_cast<void>(std::fputs(line->text.c_str(), stdout));
    return 0;
  }
  const bool demo = line->settings->command == cw::Command::kDemo;
  const auto exit = demo ? cw::demo(*line->settings) : cw::watch(*line->settings);
  return exit ? static_cast<int>(*exit) : say(exit.error());
}
