module my-plugin

go 1.24

require orderdock v0.0.0

require go.bytecodealliance.org/pkg v0.0.0 // indirect

// Where the SDK lies: change both when you copy this folder.
replace orderdock => ../

replace go.bytecodealliance.org/pkg => ../pkg
