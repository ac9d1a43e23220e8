# cw_target(NAME): what every C++ target of ours is compiled with.
function(cw_target name)
  target_compile_options(${name} PRIVATE
    -Wall -Wextra -Werror -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual
    -Wundef -Wcast-align)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")  # libstdc++ 12's stable_sort uses what it deprecates
    target_compile_options(${name} PRIVATE -Wno-deprecated-declarations)
  endif()
  if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # to it a source that is included is a header
    target_compile_options(${name} PRIVATE -Wno-subobject-linkage)
  endif()
  if(CW_SANITIZE)
    target_compile_options(${name} PUBLIC -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all
                           -fno-omit-frame-pointer)
    target_link_options(${name} PUBLIC -fsanitize=address,undefined)
  endif()
endfunction()

# cw_library(NAME SOURCES... [DEPENDS LIBS...]): a static library of userspace/, included as "folder/file.h".
function(cw_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/userspace)
  target_link_libraries(${name} PUBLIC ${ARG_DEPENDS})
  cw_target(${name})
endfunction()

# cw_find_library(VARIABLE NAME): of a Debian package; where one file is to be copied to other hosts, the
# static one.
function(cw_find_library variable name)
  if(CW_STATIC)
    find_library(${variable} NAMES lib${name}.a REQUIRED)
  else()
    find_library(${variable} NAMES ${name} REQUIRED)
  endif()
endfunction()
