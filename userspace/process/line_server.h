// A process of its own for reading line tables.
//
// DWARF comes from the observed process's files and is read by a library that trusts it: a crafted
// file may take all memory, loop, or do worse, and a file that is cut while it is mapped raises
// SIGBUS. In a process of its own, which may do nothing but answer, all this costs one file's
// lines. There it can be mapped, so that a gigabyte of DWARF is not copied, and what it takes to
// decode it is the kernel's again when that process ends.
#pragma once

namespace cw {

// Answers LineRequests from `socket` (SOCK_SEQPACKET) until its other end is closed. Called in a
// child just forked: closes all other descriptors, gives up all rights, bounds its memory and lets
// the kernel refuse all system calls but those that it takes to map, read and answer.
[[noreturn]] void serve_lines(int socket);

}  // namespace cw
