#include "recording/columns.h"

#include <array>
#include <bit>
#include <protozero/pbf_builder.hpp>
#include <protozero/pbf_message.hpp>

namespace cw::recording {
namespace {

enum class Block : protozero::pbf_tag_type { kColumn = 1 };
enum class Column : protozero::pbf_tag_type { kPath = 1, kCount = 2, kPlane = 3, kRaw = 4 };

constexpr std::size_t kMostBytes = 10;     // of a varint
constexpr std::size_t kDeepest = 16;       // fields within fields
constexpr std::uint8_t kContinues = 0x80;  // another byte follows
constexpr unsigned kBitsAByte = 7;

using protozero::pbf_wire_type;
using protozero::tag_and_type;
constexpr pbf_wire_type kBytes = pbf_wire_type::length_delimited;

std::string_view view_of(protozero::data_view view) {
  return {view.data(), view.size()};
}

using Planes = std::array<std::string, kMostBytes>;

Planes planes_of(const std::vector<std::uint64_t>& values) {
  Planes planes;
  planes[0].reserve(values.size());
  for (std::uint64_t value : values) {
    std::size_t plane = 0;
    for (; value >= kContinues; value >>= kBitsAByte)
      planes[plane++] += static_cast<char>(static_cast<std::uint8_t>(value) | kContinues);
    planes[plane] += static_cast<char>(value);
  }
  return planes;
}

}  // namespace

void ColumnOut::put_bits(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  for (unsigned shift = 0; shift < 64; shift += 8)
    raw_ += static_cast<char>(static_cast<std::uint8_t>(bits >> shift));
}

void ColumnOut::put_text(std::string_view text) {
  put(text.size());
  raw_ += text;
}

ColumnOut& ColumnOut::child(unsigned number) {
  if (number >= children_.size()) children_.resize(number + 1);
  auto& child = children_[number];
  if (!child) child = std::make_unique<ColumnOut>();
  return *child;
}

std::string ColumnOut::written() const {
  std::string block;
  std::string path;
  write(path, block);
  return block;
}

void ColumnOut::write(std::string& path, std::string& block) const {
  if (!values_.empty() || !raw_.empty()) {
    std::string message;
    protozero::pbf_builder<Column> column(message);
    column.add_bytes(Column::kPath, path);
    column.add_uint64(Column::kCount, values_.size());
    for (const std::string& plane : planes_of(values_))
      if (!plane.empty()) column.add_bytes(Column::kPlane, plane);
    if (!raw_.empty()) column.add_bytes(Column::kRaw, raw_);
    protozero::pbf_builder<Block>(block).add_bytes(Block::kColumn, message);
  }
  for (unsigned number = 0; number < children_.size(); ++number) {
    if (!children_[number]) continue;
    path.push_back(static_cast<char>(number));
    children_[number]->write(path, block);
    path.pop_back();
  }
}

void ColumnOut::clear() {
  values_.clear();
  raw_.clear();
  for (const auto& child : children_)
    if (child) child->clear();
}

ColumnIn::ColumnIn(std::string_view block) {
  try {
    protozero::pbf_message<Block> message(protozero::data_view(block.data(), block.size()));
    while (message.next()) {
      if (message.tag_and_type() == tag_and_type(Block::kColumn, kBytes))
        read_column(view_of(message.get_view()), *this);
      else
        message.skip();
    }
  } catch (const protozero::exception&) {
    throw Damaged();
  }
}

void ColumnIn::read_column(std::string_view text, ColumnIn& root) {
  ColumnIn* column = nullptr;
  std::uint64_t count = 0;
  std::vector<std::string_view> planes;
  std::string_view raw;
  protozero::pbf_message<Column> message(protozero::data_view(text.data(), text.size()));
  while (message.next()) {
    switch (message.tag_and_type()) {
      case tag_and_type(Column::kPath, kBytes): {
        const std::string_view path = view_of(message.get_view());
        if (path.size() > kDeepest) throw Damaged();
        column = &root;
        for (const char number : path)
          column = &column->child_made(static_cast<std::uint8_t>(number));
        break;
      }
      case tag_and_type(Column::kCount, pbf_wire_type::varint):
        count = message.get_uint64();
        break;
      case tag_and_type(Column::kPlane, kBytes):
        planes.push_back(view_of(message.get_view()));
        break;
      case tag_and_type(Column::kRaw, kBytes):
        raw = view_of(message.get_view());
        break;
      default:
        message.skip();
    }
  }
  if (column == nullptr) return;
  column->read_values(count, planes);
  column->raw_ = raw;
}

ColumnIn& ColumnIn::child_made(unsigned number) {
  if (number >= children_.size()) children_.resize(number + 1);
  auto& child = children_[number];
  if (!child) child = std::make_unique<ColumnIn>();
  return *child;
}

void ColumnIn::read_values(std::uint64_t count, const std::vector<std::string_view>& planes) {
  values_.clear();
  if (count == 0) return;
  if (planes.empty() || planes[0].size() != count || planes.size() > kMostBytes) throw Damaged();
  values_.reserve(count);
  std::array<std::size_t, kMostBytes> used{};
  for (const char first : planes[0]) {
    auto byte = static_cast<std::uint8_t>(first);
    std::uint64_t value = byte & ~kContinues;
    for (std::size_t plane = 1; (byte & kContinues) != 0; ++plane) {
      if (plane >= planes.size() || used[plane] == planes[plane].size()) throw Damaged();
      byte = static_cast<std::uint8_t>(planes[plane][used[plane]++]);
      value |= std::uint64_t{byte & 0x7fU} << (kBitsAByte * plane);
    }
    values_.push_back(value);
  }
}

std::string_view ColumnIn::take_raw(std::uint64_t size) {
  if (size > raw_.size()) throw Damaged();
  const std::string_view part = raw_.substr(0, size);
  raw_.remove_prefix(size);
  return part;
}

double ColumnIn::take_bits() {
  std::uint64_t bits = 0;
  unsigned shift = 0;
  for (const char byte : take_raw(8)) {
    bits |= std::uint64_t{static_cast<std::uint8_t>(byte)} << shift;
    shift += 8;
  }
  return std::bit_cast<double>(bits);
}

std::string_view ColumnIn::take_text() {
  return take_raw(take());
}

}  // namespace cw::recording
