// Looks up the addresses of a host, in /etc/hosts and by DNS, without waiting for them: libevent's
// evdns. The C library's getaddrinfo() cannot be told to stop.
#pragma once

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "export/event_pointers.h"

namespace cw {

class NameLookup {
 public:
  static constexpr std::size_t kMostAddresses = 8;

  // Begins. `done` is called once, from `base`'s loop or from here, unless the lookup ends before.
  NameLookup(event_base* base, const std::string& host, std::function<void()> done);
  NameLookup(const NameLookup&) = delete;
  NameLookup& operator=(const NameLookup&) = delete;
  // Runs what is left in the loop: not to be called from there.
  ~NameLookup();

  [[nodiscard]] bool is_done() const { return is_done_; }
  // As text: "10.1.2.3", "::1".
  [[nodiscard]] const std::vector<std::string>& addresses() const { return addresses_; }
  // Why there are none.
  [[nodiscard]] std::string problem() const;

 private:
  static void free_dns(evdns_base* dns) { evdns_base_free(dns, 1); }
  static void on_result(int error, evutil_addrinfo* list, void* self);
  void take(const evutil_addrinfo* list);

  event_base* base_;
  std::unique_ptr<evdns_base, Freer<free_dns>> dns_;
  evdns_getaddrinfo_request* request_ = nullptr;
  std::function<void()> done_;
  bool is_done_ = false;
  int error_ = 0;
  std::vector<std::string> addresses_;
};

}  // namespace cw
