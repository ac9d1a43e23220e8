#include "probes/process_times.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "probes/task_iterator.h"
#include "wire_requests.h"

namespace cw {

Result<std::unordered_map<std::int32_t, ProcessTimes>> read_process_times(
    const bpf_program* iterator) {
  std::unordered_map<std::int32_t, ProcessTimes> processes;
  const bool read =
      for_each_task<cw_thread_times>(iterator, {}, [&](const cw_thread_times& thread) {
        ProcessTimes& process = processes[static_cast<std::int32_t>(thread.tgid)];
        // As of the first: one that ends while the others are listed is in one of the sums only.
        if (process.threads++ == 0) process.ended_cpu_ns = thread.ended_cpu_ns;
        process.cpu_ns += thread.cpu_ns;
        process.run_delay_ns += thread.run_delay_ns;
        process.runnable = process.runnable || thread.runnable != 0;
      });
  if (!read)
    return fail(Exit::kNotAllowed,
                fmt::format("the kernel does not list its tasks: {}", std::strerror(errno)));
  return processes;
}

}  // namespace cw
