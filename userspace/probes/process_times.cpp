#include "probes/process_times.h"

#include "probes/task_iterator.h"
#include "wire_requests.h"

namespace cw {

std::optional<std::unordered_map<std::int32_t, ProcessTimes>> read_process_times(
    const bpf_program* iterator, std::optional<std::int32_t> only) {
  std::unordered_map<std::int32_t, ProcessTimes> processes;
  const bool read =
      for_each_task<cw_thread_times>(iterator, only, [&](const cw_thread_times& thread) {
        ProcessTimes& process = processes[static_cast<std::int32_t>(thread.tgid)];
        ++process.threads;
        process.cpu_ns += thread.cpu_ns;
        process.run_delay_ns += thread.run_delay_ns;
        process.ended_cpu_ns = thread.ended_cpu_ns;
        process.runnable = process.runnable || thread.runnable != 0;
      });
  return read ? std::optional(std::move(processes)) : std::nullopt;
}

}  // namespace cw
