# cw_add_bpf(NAME SOURCE): compiles SOURCE for BPF and makes NAME.skel.h of it. Link the target
# NAME_skel to include it. Rebuilt when any header it read changes (depfile); written to a
# temporary file first, so that an interrupted build leaves no half-made header.
find_program(CW_BPF_CLANG NAMES clang-19 clang-18 clang-17 clang-16 clang-15 clang-14 clang REQUIRED)
find_program(CW_BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin REQUIRED)

string(REGEX REPLACE "x86_64|AMD64|amd64" "x86" CW_BPF_ARCH "${CMAKE_SYSTEM_PROCESSOR}")
string(REGEX REPLACE "aarch64" "arm64" CW_BPF_ARCH "${CW_BPF_ARCH}")

function(cw_add_bpf name source)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.bpf.o)
  set(skeleton ${CMAKE_CURRENT_BINARY_DIR}/${name}.skel.h)

  add_custom_command(
    OUTPUT ${object}
    COMMAND ${CW_BPF_CLANG} -g -O2 -target bpf -mcpu=v3 -Wall -Wextra -Werror
            -Wno-unused-parameter -Wno-missing-declarations
            -D__TARGET_ARCH_${CW_BPF_ARCH}
            -isystem ${CMAKE_SOURCE_DIR}/bpf/vmlinux/${CW_BPF_ARCH} -I ${CMAKE_SOURCE_DIR}/bpf
            -MD -MF ${object}.d -MT ${object}
            -c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${object}.tmp
    COMMAND ${CMAKE_COMMAND} -E rename ${object}.tmp ${object}
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${source}
    DEPFILE ${object}.d
    COMMENT "Compiling ${source} for BPF"
    VERBATIM)

  add_custom_command(
    OUTPUT ${skeleton}
    COMMAND sh -c "{ echo '// NOLINTBEGIN' && '${CW_BPFTOOL}' gen skeleton '${object}' name ${name}_bpf && echo '// NOLINTEND'; } > '${skeleton}.tmp'"
    COMMAND ${CMAKE_COMMAND} -E rename ${skeleton}.tmp ${skeleton}
    DEPENDS ${object}
    COMMENT "Generating ${name}.skel.h"
    VERBATIM)

  add_custom_target(${name}_skel_file DEPENDS ${skeleton})
  add_library(${name}_skel INTERFACE)
  add_dependencies(${name}_skel ${name}_skel_file)
  # A generated header and libbpf's own are not held to our warnings.
  target_include_directories(${name}_skel SYSTEM INTERFACE ${CMAKE_CURRENT_BINARY_DIR})
  target_include_directories(${name}_skel INTERFACE ${CMAKE_SOURCE_DIR}/bpf)
endfunction()
