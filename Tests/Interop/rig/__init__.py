"""The rig: networks, programs and measurements that the interop suites are made of."""
