// The extensions for matrix units. src/gpu/features.ts puts the name in place that a device has for them.
enable f16;
enable subgroups;
enable subgroup_size_control;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);
