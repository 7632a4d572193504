// The process that holds a pod's namespaces.
module survive.dev/embedded/pause

go 1.26.0
