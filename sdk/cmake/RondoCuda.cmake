# Finds the CUDA compiler. Device images are made by custom commands that call nvcc, so CUDA is
# never enabled as a language and everything else builds without it.
#
#   RONDO_CUDA          AUTO (the default), ON: an error if there is no nvcc, OFF
#   RONDO_NVCC          the compiler, or false
#   RONDO_NVCC_VERSION  e.g. 13.0

if(NOT DEFINED RONDO_CUDA)
  set(RONDO_CUDA AUTO)
endif()
if(RONDO_CUDA STREQUAL "OFF")
  set(RONDO_NVCC FALSE)
  return()
endif()

find_program(RONDO_NVCC nvcc
             HINTS ENV CUDA_HOME ENV CUDA_PATH /usr/local/cuda PATH_SUFFIXES bin
             DOC "The CUDA compiler")
mark_as_advanced(RONDO_NVCC)

set(RONDO_NVCC_VERSION "")
if(RONDO_NVCC)
  execute_process(COMMAND ${RONDO_NVCC} --version OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCH "release ([0-9.]+)" _ "${output}")
  set(RONDO_NVCC_VERSION ${CMAKE_MATCH_1})
elseif(RONDO_CUDA STREQUAL "ON")
  message(FATAL_ERROR "RONDO_CUDA is ON and nvcc was not found. Install the CUDA toolkit, set "
                      "CUDA_HOME or -DRONDO_NVCC=PATH, or use RONDO_CUDA=AUTO.")
endif()
