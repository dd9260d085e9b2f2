"""The words of the program as types, and the ports through which effects happen.

Nothing here reads a file, a clock, a socket or a die, and nothing here imports another
package of `reconciler`.
"""
