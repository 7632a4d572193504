// Go's own http server.
module survive.dev/workloads/goweb

go 1.26.0
