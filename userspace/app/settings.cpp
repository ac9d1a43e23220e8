#include "app/settings.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

#include "app/format_choice.h"

namespace cw {
namespace {

constexpr double kInterval = 5;                  // seconds
constexpr double kLiveInterval = 1;              // somebody is looking
constexpr std::int32_t kLargestPid = 4'194'304;  // PID_MAX_LIMIT, include/linux/threads.h

// What CLI11 fills before it is checked and converted.
struct Raw {
  std::vector<std::string> pids;
  std::vector<std::string> thresholds;
  std::vector<std::string> observe;
  std::string format;
  std::string color = "auto";
  std::string hooks;
  std::string uprobes;
  std::string alloc_mode;
  std::optional<std::string> listen;
  std::optional<std::string> otlp;
  std::string fail_on;
  std::optional<double> interval_s;
  double duration_s = 0;
};

Result<std::int32_t> pid_of(const std::string& text) {
  std::int32_t pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (error != std::errc() || end != text.data() + text.size() || pid < 1 || pid > kLargestPid)
    return fail(Exit::kUsage,
                fmt::format("--pid takes process ids, 1 to {}, separated by commas; not '{}'",
                            kLargestPid, text));
  return pid;
}

Result<void> set_threshold(Thresholds& thresholds, const std::string& text) {
  const std::size_t equals = text.find('=');
  double value = 0;
  const char* begin = equals == std::string::npos ? nullptr : text.data() + equals + 1;
  const char* end = text.data() + text.size();
  if (begin == nullptr || std::from_chars(begin, end, value).ptr != end || begin == end)
    return fail(Exit::kUsage,
                fmt::format("--threshold takes KEY=NUMBER, where KEY is one of {}; not '{}'",
                            known_thresholds(), text));
  return set(thresholds, std::string_view(text).substr(0, equals), value);
}

const CLI::Validator& named() {
  static const CLI::Validator validator(
      [](const std::string& text) { return text.empty() ? "must not be empty" : std::string(); },
      "", "named");
  return validator;
}

void add_exports(CLI::App& app, Settings& settings, Raw& raw) {
  app.add_option("--listen", raw.listen,
                 "Serve /metrics for Prometheus there; PORT alone: on 127.0.0.1")
      ->type_name("ADDR:PORT");
  app.add_option("--textfile", settings.textfile,
                 "Also write metrics to FILE, for node_exporter, each interval")
      ->check(named())
      ->type_name("FILE");
  app.add_option("--otlp", raw.otlp,
                 "Push metrics to an OpenTelemetry collector each interval: "
                 "http://HOST[:PORT][/PATH]")
      ->type_name("URL");
  const auto profile = [&](const char* option, std::string& prefix, const char* what) {
    app.add_option(option, prefix, std::string("At the end write ") + what)
        ->check(named())
        ->type_name("PREFIX");
  };
  profile("--folded", settings.folded_prefix,
          "PREFIX.locks.folded, stacks by time waited, and PREFIX.alloc.folded, by bytes");
  profile("--speedscope", settings.speedscope_prefix,
          "PREFIX.locks.speedscope.json and PREFIX.alloc..., for speedscope.app");
  profile("--flamegraph", settings.flamegraph_prefix,
          "PREFIX.locks.svg and PREFIX.alloc.svg: pictures for browsers");
  profile("--pprof", settings.pprof_prefix,
          "PREFIX.locks.pb.gz and PREFIX.alloc.pb.gz, for go tool pprof");
}

void add_options(CLI::App& app, Settings& settings, Raw& raw) {
  app.add_option("-p,--pid", raw.pids, "Watch these processes, threads born later included")
      ->delimiter(',')
      ->type_name("N[,N...]");
  app.add_flag("--children", settings.children,
               "With --pid: their descendants too, those born later included");
  app.add_option("--comm", settings.comm,
                 "Watch the processes whose name fits, those that start later included")
      ->check(named())
      ->type_name("GLOB");
  app.add_option("--cgroup", settings.cgroup,
                 "Watch the processes of this control group and those below it")
      ->check(named())
      ->type_name("PATH");
  app.add_option("-i,--interval", raw.interval_s,
                 "One report each SEC (default: 5, in the live view 1)")
      ->check(CLI::Range(0.1, 86400.0))
      ->type_name("SEC");
  app.add_option("-d,--duration", raw.duration_s,
                 "Stop after SEC, with a last report (default: Ctrl-C)")
      ->check(CLI::Range(0.1, 31'536'000.0))
      ->type_name("SEC");
  app.add_option("-n,--top", settings.top_n, "Rows per table")
      ->check(CLI::Range(1, 10'000))
      ->type_name("N");
  app.add_option("--observe", raw.observe,
                 "What to watch: locks, alloc, memory (default: all three)")
      ->delimiter(',')
      ->check(CLI::IsMember({"locks", "alloc", "memory"}))
      ->type_name("LIST");
  app.add_flag("--waits", settings.with_waits,
               "List idle waits (condition variables, joins...) too");
  app.add_option("--budget", settings.budget_pct,
                 "The most the observer may slow the observed, in percent of its CPU time; "
                 "reported against")
      ->check(CLI::Range(0.01, 100.0))
      ->type_name("PCT");
  app.add_option("--alloc-mode", raw.alloc_mode,
                 "burst: probes on the allocator in short windows, held to the budget; full: "
                 "probes that stay, at many times the cost; off")
      ->check(CLI::IsMember({"burst", "full", "off"}))
      ->type_name("MODE");
  app.add_option("--hooks", raw.hooks,
                 "auto, functions or tracepoints: how futex calls are seen (doctor explains)")
      ->check(CLI::IsMember({"auto", "functions", "tracepoints"}))
      ->type_name("SET");
  app.add_option("--uprobes", raw.uprobes,
                 "auto, multi or single: how probes on allocators are attached (doctor explains)")
      ->check(CLI::IsMember({"auto", "multi", "single"}))
      ->type_name("WAY");
  app.add_option("--threshold", raw.thresholds,
                 "A threshold of the verdicts: " + known_thresholds())
      ->type_name("KEY=VALUE")
      ->take_all();
  app.add_flag("--explain", settings.explain,
               "Show each sum with its numbers filled in, and what it was compared with");
  app.add_option("--format", raw.format,
                 "text, json, or tui: the live view, which a terminal gets by default, except of "
                 "a recording")
      ->check(CLI::IsMember({"text", "json", "tui"}))
      ->type_name("FORMAT");
  app.add_option("--color", raw.color, "auto, always or never (NO_COLOR is respected)")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->type_name("WHEN");
  app.add_option("--json", settings.json_file,
                 "Also write the reports to FILE, one JSON object a line")
      ->check(named())
      ->type_name("FILE");
  app.add_option("--record", settings.record_file,
                 "Also record the run in FILE: replay shows it again, anywhere, without root")
      ->check(named())
      ->type_name("FILE");
  add_exports(app, settings, raw);
  app.add_option("--fail-on", raw.fail_on,
                 "Exit with 10 if a verdict was at least this: culprit or suspect")
      ->check(CLI::IsMember({"culprit", "suspect"}))
      ->type_name("LEVEL");
  app.set_config(
      "--config", "",
      "Read options from FILE (TOML: interval=2, threshold=[\"lock.busy.suspect=0.2\"])");
}

Result<Settings> checked(Settings settings, const Raw& raw) {
  for (const std::string& text : raw.pids) {
    auto pid = pid_of(text);
    if (!pid) return std::unexpected(pid.error());
    if (std::ranges::find(settings.pids, *pid) == settings.pids.end())
      settings.pids.push_back(*pid);
  }
  const std::array<std::pair<const char*, double>, 3> numbers = {
      {{"--interval", raw.interval_s.value_or(kInterval)},
       {"--duration", raw.duration_s},
       {"--budget", settings.budget_pct}}};
  for (const auto& [option, value] : numbers)
    if (std::isnan(value))  // within every range, for CLI11
      return fail(Exit::kUsage, fmt::format("{} takes a number, not nan", option));
  for (const std::string& text : raw.thresholds)
    if (auto done = set_threshold(settings.thresholds, text); !done)
      return std::unexpected(done.error());
  if (auto valid = validate(settings.thresholds); !valid) return std::unexpected(valid.error());
  if (raw.duration_s > 0) settings.duration_s = raw.duration_s;
  auto choice = choose_format(raw.format, settings.command);
  if (!choice) return std::unexpected(choice.error());
  settings.format = choice->format;
  settings.remark = std::move(choice->remark);
  settings.interval_s =
      raw.interval_s.value_or(settings.format == Format::kTui ? kLiveInterval : kInterval);
  settings.color = raw.color == "always"  ? Color::kAlways
                   : raw.color == "never" ? Color::kNever
                                          : Color::kAuto;
  settings.hooks = raw.hooks == "functions"     ? HookSet::kFunctions
                   : raw.hooks == "tracepoints" ? HookSet::kTracepoints
                                                : HookSet::kAutomatic;
  settings.uprobes = raw.uprobes == "multi"    ? UprobeWay::kMulti
                     : raw.uprobes == "single" ? UprobeWay::kSingle
                                               : UprobeWay::kAutomatic;
  const auto is_asked_for = [&](const char* what) {
    return raw.observe.empty() || std::ranges::find(raw.observe, what) != raw.observe.end();
  };
  settings.alloc_mode = raw.alloc_mode == "full"  ? AllocMode::kFull
                        : raw.alloc_mode == "off" ? AllocMode::kOff
                                                  : AllocMode::kBurst;
  settings.observe = {.locks = is_asked_for("locks"),
                      .alloc = is_asked_for("alloc") && settings.alloc_mode != AllocMode::kOff,
                      .memory = is_asked_for("memory")};
  if (raw.listen) {
    auto address = parse_listen_address(*raw.listen);
    if (!address) return std::unexpected(address.error());
    settings.listen = *address;
  }
  if (raw.otlp) {
    auto otlp = otlp_settings(*raw.otlp);
    if (!otlp) return std::unexpected(otlp.error());
    settings.otlp = std::move(*otlp);
  }
  if (!raw.fail_on.empty())
    settings.fail_on = raw.fail_on == "culprit" ? Level::kCulprit : Level::kSuspect;
  return settings;
}

// Each of these names a set of processes; two of them at once could mean both or either.
Result<void> check_selection(const Settings& settings) {
  const bool by_name = !settings.comm.empty() || !settings.cgroup.empty();
  if (settings.command == Command::kDemo && (!settings.pids.empty() || by_name))
    return fail(Exit::kUsage,
                "demo watches its own service: it takes no --pid, --comm or --cgroup");
  if (settings.command == Command::kDoctor && by_name)
    return fail(Exit::kUsage,
                "doctor looks at the machine and with --pid at one process: it takes no "
                "--comm or --cgroup");
  if (!settings.pids.empty() && by_name)
    return fail(Exit::kUsage,
                "--pid cannot be joined with --comm or --cgroup: name the processes "
                "one way");
  if (settings.children && settings.pids.empty())
    return fail(Exit::kUsage, "--children goes with --pid: it adds the descendants of those");
  return {};
}

// What was recorded cannot be watched otherwise any more.
Result<void> check_replay(const CLI::App& app) {
  constexpr auto kTaken = std::to_array<std::string_view>(
      {"--format", "--color", "--json", "--top", "--waits", "--textfile", "--otlp", "--folded",
       "--speedscope", "--flamegraph", "--pprof", "--fail-on", "--config"});
  for (const CLI::Option* option : app.get_options())
    if (option->count() != 0 &&
        std::ranges::find(kTaken, option->get_name()) == std::ranges::end(kTaken))
      return fail(Exit::kUsage, fmt::format("replay shows what was recorded: it takes no {}",
                                            option->get_name()));
  return {};
}

// "pid=4242"; empty: all.
std::string watched_processes(const Settings& settings) {
  std::vector<std::string> parts;
  if (!settings.pids.empty()) parts.push_back(fmt::format("pid={}", fmt::join(settings.pids, ",")));
  if (!settings.comm.empty()) parts.push_back("comm=" + settings.comm);
  if (!settings.cgroup.empty()) parts.push_back("cgroup=" + settings.cgroup);
  return fmt::format("{}", fmt::join(parts, ","));
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

}  // namespace

RecordedRun Settings::run() const {
  return {.version = CW_VERSION,
          .top_n = top_n,
          .with_pid = !pids.empty(),
          .with_waits = with_waits,
          .watched = watched_processes(*this)};
}

Result<CommandLine> parse_command_line(int count, const char* const* arguments) {
  CLI::App app(
      "Which lock holds a service back? Watches any running process and proves it with "
      "arithmetic.\n"
      "Without --pid it watches the whole machine. Needs root.",
      "contentionwatch");
  Settings settings;
  Raw raw;
  add_options(app, settings, raw);
  app.add_subcommand("doctor",
                     "Say what this kernel and these rights allow, and what each hook costs")
      ->fallthrough();
  app.set_version_flag("--version", std::string("contentionwatch ") + CW_VERSION);
  CLI::App* demo =
      app.add_subcommand("demo", "Start the bundled, badly built service and watch it");
  CLI::Option* fixed = demo->add_flag("--fixed", settings.demo_fixed, "Its redesign instead");
  demo->add_option(
          "--design", settings.demo_design,
          "Or one change to it, under as many requests as it takes: split (16 locks), half "
          "(the critical section), batched (8 requests at a time), rwlock; shared is "
          "without any")
      ->check(CLI::IsMember({"shared", "split", "half", "batched", "rwlock"}))
      ->excludes(fixed)
      ->type_name("NAME");
  demo->fallthrough();
  CLI::App* replay = app.add_subcommand("replay",
                                        "Every report, view (--format tui) and export again, from "
                                        "a recording, without root");
  replay->add_option("FILE", settings.recording, "Made by --record")->required()->type_name("");
  replay->fallthrough();
  try {
    app.parse(count, arguments);
  } catch (const CLI::CallForHelp&) {
    return CommandLine{.settings = {}, .text = app.help()};
  } catch (const CLI::CallForVersion& version) {
    return CommandLine{.settings = {}, .text = std::string(version.what()) + "\n"};
  } catch (const CLI::ParseError& error) {
    return fail(Exit::kUsage,
                first_line(error.what()) + " (contentionwatch --help lists the options)");
  }
  if (*demo) settings.command = Command::kDemo;
  if (app.got_subcommand("doctor")) settings.command = Command::kDoctor;
  if (*replay) {
    settings.command = Command::kReplay;
    if (auto taken = check_replay(app); !taken) return std::unexpected(taken.error());
  }
  settings.top_chosen = app.count("--top") != 0;
  auto complete = checked(std::move(settings), raw);
  if (!complete) return std::unexpected(complete.error());
  if (auto clear = check_selection(*complete); !clear) return std::unexpected(clear.error());
  return CommandLine{.settings = std::move(*complete), .text = {}};
}

}  // namespace cw
