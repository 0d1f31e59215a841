// Marks what librondo exports; everything else in it is hidden.
#pragma once

#define RONDO_EXPORT __attribute__((visibility("default")))
