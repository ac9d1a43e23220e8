#include "probes/thread_registers.h"

#include <atomic>

#include "probes/task_iterator.h"
#include "wire_requests.h"

namespace cw {

std::map<std::int32_t, Registers> registers_of_threads(const bpf_program* iterator,
                                                       std::uint32_t& process_id,
                                                       std::int32_t pid) {
  std::map<std::int32_t, Registers> found;
  std::atomic_ref(process_id).store(static_cast<std::uint32_t>(pid));
  for_each_task<cw_registers>(iterator, pid, [&](const cw_registers& thread) {
    found[static_cast<std::int32_t>(thread.tid)] = {
        .pc = thread.pc, .sp = thread.sp, .fp = thread.fp};
  });
  return found;
}

}  // namespace cw
