#include "export/name_lookup.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

namespace cw {

// Files are read anew each time: what they said may have become wrong.
NameLookup::NameLookup(event_base* base, const std::string& host, std::function<void()> done)
    : base_(base), dns_(evdns_base_new(base, 0)), done_(std::move(done)) {
  if (!dns_) {
    on_result(EVUTIL_EAI_MEMORY, nullptr, this);
    return;
  }
  evdns_base_resolv_conf_parse(dns_.get(), DNS_OPTIONS_ALL, "/etc/resolv.conf");
  evdns_base_set_option(dns_.get(), "randomize-case:", "0");  // some servers answer in their own
  evutil_addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_protocol = IPPROTO_TCP;
  auto* const request =
      evdns_getaddrinfo(dns_.get(), host.c_str(), nullptr, &hints, &NameLookup::on_result, this);
  if (!is_done_) request_ = request;
}

NameLookup::~NameLookup() {
  done_ = [] {};
  if (request_ != nullptr) evdns_getaddrinfo_cancel(request_);
  event_base_loop(base_, EVLOOP_NONBLOCK);
  dns_.reset();
  event_base_loop(base_, EVLOOP_NONBLOCK);
}

void NameLookup::on_result(int error, evutil_addrinfo* list, void* self) {
  auto* const lookup = static_cast<NameLookup*>(self);
  lookup->request_ = nullptr;
  lookup->is_done_ = true;
  lookup->error_ = error;
  lookup->take(list);
  if (list != nullptr) evutil_freeaddrinfo(list);
  lookup->done_();
}

void NameLookup::take(const evutil_addrinfo* list) {
  for (; list != nullptr && addresses_.size() < kMostAddresses; list = list->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (getnameinfo(list->ai_addr, list->ai_addrlen, text.data(), text.size(), nullptr, 0,
                    NI_NUMERICHOST) != 0)
      continue;
    if (std::ranges::find(addresses_, text.data()) == addresses_.end())
      addresses_.emplace_back(text.data());
  }
}

std::string NameLookup::problem() const {
  if (!is_done_) return "no answer in time";
  return error_ != 0 ? evutil_gai_strerror(error_) : "it has no address";
}

}  // namespace cw
