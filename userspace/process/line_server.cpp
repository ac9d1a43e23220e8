#include "process/line_server.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <list>
#include <memory>
#include <optional>
#include <utility>

#include "model/fd.h"
#include "process/dwarf_lines.h"
#include "process/elf_file.h"
#include "process/go_table.h"
#include "process/line_messages.h"
#include "process/proc_files.h"
#include "process/text_parse.h"

namespace cw {
namespace {

constexpr std::uint64_t kMaxMemory = std::uint64_t{1} << 30;  // more than at the start, bytes
constexpr std::size_t kMaxFiles = 16;                         // kept open and decoded
constexpr int kSocket = 0;

// Bytes of private writable memory, which is what RLIMIT_DATA counts.
std::uint64_t own_memory() {
  constexpr std::string_view kKey = "VmData:";
  const std::string status = read_whole(AT_FDCWD, "/proc/self/status", std::size_t{16} << 10);
  std::string_view text = status;
  while (!text.empty()) {
    std::string_view line = take_line(text);
    if (!line.starts_with(kKey)) continue;
    line.remove_prefix(line.find_first_not_of(" \t", kKey.size()));
    return number_of<std::uint64_t>(take_word(line)).value_or(0) << 10;
  }
  return 0;
}

void bound_resources() {
  const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const std::uint64_t bound = own_memory() + kMaxMemory;
  const rlimit memory{.rlim_cur = bound, .rlim_max = bound};
  ::setrlimit(RLIMIT_DATA, &memory);
}

bool give_up_rights() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const std::array<__user_cap_data_struct, 2> none{};
  return ::syscall(SYS_capset, &header, none.data()) == 0 &&
         ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

// All others fail, so that libdw's search for files of other names finds none.
bool refuse_system_calls() {
  const std::unique_ptr<void, void (*)(void*)> filter(::seccomp_init(SCMP_ACT_ERRNO(EACCES)),
                                                      ::seccomp_release);
  if (!filter) return false;
  for (const int call : {SCMP_SYS(recvmsg), SCMP_SYS(sendto), SCMP_SYS(close), SCMP_SYS(fstat),
                         SCMP_SYS(newfstatat), SCMP_SYS(pread64), SCMP_SYS(lseek), SCMP_SYS(mmap),
                         SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk),
                         SCMP_SYS(futex), SCMP_SYS(rt_sigreturn), SCMP_SYS(exit_group)}) {
    if (::seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0) != 0) return false;
  }
  return ::seccomp_load(filter.get()) == 0;
}

bool confine() {
  ::prctl(PR_SET_NAME, "cw-lines");
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // A terminal's Ctrl-C is for the observer, which ends us by closing the socket.
  for (const int signal : {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGTSTP})
    static_cast<void>(::signal(signal, SIG_IGN));
  bound_resources();
  return give_up_rights() && refuse_system_calls();
}

struct OpenFile {
  std::uint64_t id = 0;
  Fd file;
  Fd alternate;
  ElfHandle elf;
  ElfHandle alternate_elf;
  std::unique_ptr<DwarfLines> dwarf;  // null: it has none
  std::optional<GoTable> go;
};

ElfHandle map_elf(int file) {
  // Looked over first: it may be no file to leave to libelf.
  if (!open_elf(file)) return {};
  return ElfHandle(::elf_begin(file, ELF_C_READ_MMAP, nullptr));
}

void open_lines(OpenFile& opened) {
  opened.elf = map_elf(opened.file.get());
  if (opened.alternate) opened.alternate_elf = map_elf(opened.alternate.get());
  if (!opened.elf) return;
  if (auto lines = DwarfLines::open(opened.elf.get(), opened.alternate_elf.get()))
    opened.dwarf = *std::move(lines);
  opened.go = GoTable::of(opened.elf.get());
}

SourceFrames lines_at(const OpenFile& opened, std::uint64_t vaddr) {
  SourceFrames frames;
  if (opened.dwarf) frames = opened.dwarf->at(vaddr);
  if (frames.empty() && opened.go) frames = opened.go->at(vaddr);
  return frames;
}

struct Received {
  LineRequest request;
  Fd file;
  Fd alternate;
};

std::optional<Received> receive() {
  Received received;
  iovec payload{.iov_base = &received.request, .iov_len = sizeof received.request};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &payload;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (::recvmsg(kSocket, &message, MSG_CMSG_CLOEXEC) != sizeof received.request)
    return std::nullopt;
  const cmsghdr* rights = CMSG_FIRSTHDR(&message);
  if (rights == nullptr || rights->cmsg_type != SCM_RIGHTS) return std::nullopt;
  std::array<int, 2> files = {-1, -1};
  std::memcpy(files.data(), CMSG_DATA(rights),
              std::min<std::size_t>(rights->cmsg_len - CMSG_LEN(0), sizeof files));
  received.file = Fd(files[0]);
  received.alternate = Fd(files[1]);
  return received;
}

// The most recently used first.
using OpenFiles = std::list<OpenFile>;

OpenFile& file_of(OpenFiles& files, Received received) {
  const auto known = std::ranges::find(files, received.request.file, &OpenFile::id);
  if (known != files.end()) {
    files.splice(files.begin(), files, known);
    return files.front();
  }
  if (files.size() >= kMaxFiles) files.pop_back();
  OpenFile& opened = files.emplace_front();
  opened.id = received.request.file;
  opened.file = std::move(received.file);
  opened.alternate = std::move(received.alternate);
  open_lines(opened);
  return opened;
}

}  // namespace

void serve_lines(int socket) {
  if (::dup2(socket, kSocket) != kSocket || ::close_range(kSocket + 1, ~0U, 0) != 0 || !confine())
    ::_exit(1);
  OpenFiles files;
  while (auto received = receive()) {
    LineReply reply{.sequence = received->request.sequence, .frames = {}};
    const std::uint64_t vaddr = received->request.vaddr;
    reply.frames = lines_at(file_of(files, *std::move(received)), vaddr);
    const std::string message = encode(reply);
    if (::sendto(kSocket, message.data(), message.size(), MSG_NOSIGNAL, nullptr, 0) < 0) break;
  }
  ::_exit(0);
}

}  // namespace cw
