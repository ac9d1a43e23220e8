#include "process/line_messages.h"

#include <algorithm>
#include <string_view>

namespace cw {
namespace {

struct FrameHeader {
  std::uint32_t line;
  std::uint16_t function_size;
  std::uint16_t file_size;
};

template <typename Value>
void append(std::string& message, const Value& value) {
  message.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <typename Value>
bool take(std::string_view& message, Value& value) {
  if (message.size() < sizeof value) return false;
  std::ranges::copy(message.substr(0, sizeof value), reinterpret_cast<char*>(&value));
  message.remove_prefix(sizeof value);
  return true;
}

std::string encoded(const SourceFrame& frame) {
  const auto function = std::string_view(frame.function).substr(0, kMaxSourceText);
  const auto file = std::string_view(frame.file).substr(0, kMaxSourceText);
  std::string message;
  append(message, FrameHeader{.line = frame.line,
                              .function_size = static_cast<std::uint16_t>(function.size()),
                              .file_size = static_cast<std::uint16_t>(file.size())});
  message.append(function).append(file);
  return message;
}

}  // namespace

std::string encode(const LineReply& reply) {
  std::string frames;
  for (auto frame = reply.frames.rbegin(); frame != reply.frames.rend(); ++frame) {
    const std::string one = encoded(*frame);
    if (sizeof reply.sequence + frames.size() + one.size() > kMaxLineReply) break;
    frames.insert(0, one);
  }
  std::string message;
  append(message, reply.sequence);
  return message + frames;
}

std::optional<LineReply> decode(std::string_view message) {
  LineReply reply;
  if (message.size() > kMaxLineReply || !take(message, reply.sequence)) return std::nullopt;
  while (!message.empty()) {
    FrameHeader header{};
    if (!take(message, header) || header.function_size > kMaxSourceText ||
        header.file_size > kMaxSourceText ||
        message.size() < std::size_t{header.function_size} + header.file_size ||
        reply.frames.size() > kMaxInlined)
      return std::nullopt;
    reply.frames.push_back(
        {.function = std::string(message.substr(0, header.function_size)),
         .file = std::string(message.substr(header.function_size, header.file_size)),
         .line = header.line});
    message.remove_prefix(std::size_t{header.function_size} + header.file_size);
  }
  return reply;
}

}  // namespace cw
